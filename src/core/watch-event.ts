import type { Json } from "./json.ts";
import type { LiveKind } from "./live.ts";
import type { RunSummary, TaskView } from "./run-view.ts";

/** What `watch` tells, in order. It begins with the whole run as it stands and ends after the `run` event that has an end. */
export type WatchEvent =
  | { readonly kind: "run"; readonly run: RunSummary }
  | { readonly kind: "task"; readonly task: TaskView }
  | {
      readonly kind: "live";
      readonly live: LiveKind;
      readonly task: string;
      readonly attempt: number;
      readonly at: string;
      readonly data?: Json;
    };

/** One event of a run's log, as stored. */
export interface LogEntry {
  readonly sequence: number;
  /** ISO 8601, the log's own time. */
  readonly at: string;
  readonly event: string;
  readonly body: Json;
}
