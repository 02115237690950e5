import type { ModelProvider } from "../core/model.ts";
import type { Host } from "./host.ts";
import type { LiveReporter } from "./live-reporter.ts";

/** What attempts use of their process. */
export interface WorkerHost extends Host {
  readonly models: ModelProvider;
  readonly live: LiveReporter;
  /** See `HandlerContext.openFile`. */
  readonly openFile: (path: string) => Promise<Uint8Array>;
}
