import type { Json } from "../core/json.ts";
import type { ErrorDetails } from "../core/thrown.ts";

/**
 * What a trace shows of a run, as its log has it: one round of it, from its beginning or a redrive to its next end. Times are
 * milliseconds since the epoch, with fractions.
 */
export interface TracedRun {
  readonly run: string;
  readonly tenant: string;
  readonly type: string;
  /** The caller's `traceparent`. */
  readonly trace?: string;
  /** 1, and one more for each redrive. */
  readonly round: number;
  readonly from: number;
  readonly to: number;
  /** Undefined in a snapshot of a run that goes on. */
  readonly status?: "succeeded" | "failed" | "cancelled";
  readonly error?: { readonly code: number; readonly message: string };
  /** The sequence of the last event that a snapshot knows of: it is a trace of its own. */
  readonly snapshotAt?: number;
  readonly usage: Usage;
  /** Every task of the round once, parents before their children. */
  readonly tasks: Iterable<TracedTask>;
}

/** The sums of what attempts report: `calls`, `inputTokens`, … */
export type Usage = Readonly<Record<string, number>>;

export interface TracedTask {
  readonly task: string;
  readonly type: string;
  /** The last one that it came to. */
  readonly state: string;
  readonly from: number;
  readonly to: number;
  /** The round that has its parent's span; undefined for the root. */
  readonly parentRound?: number;
  readonly error?: TracedError;
  /** Its siblings whose ends it waited for, and the round that has the span of each. */
  readonly needs: readonly { readonly task: string; readonly round: number }[];
  /** What the plan states of retries, time and priority. */
  readonly policy?: Json;
  /** Its own attempts and those below it. */
  readonly usage: Usage;
  /** The states that it came to. */
  readonly phases: readonly TracedEvent[];
  /** What it waited for: siblings, a worker, a backoff, … */
  readonly waits: readonly { readonly what: string; readonly from: number; readonly to: number }[];
  readonly attempts: readonly TracedAttempt[];
}

export interface TracedEvent {
  readonly name: string;
  readonly at: number;
  readonly attributes?: Readonly<Record<string, string>>;
}

export interface TracedAttempt {
  readonly attempt: number;
  /** When its worker began; where the log does not say it, when it was opened. */
  readonly from: number;
  readonly to: number;
  /** The event of the chart that ended it; undefined while it is open. */
  readonly endedOn?: string;
  readonly worker?: string;
  /** The subject of its message. */
  readonly subject: string;
  readonly error?: TracedError;
  readonly usage: Usage;
  /** Children of the plan that it returned. */
  readonly planned?: number;
  readonly events: readonly TracedEvent[];
}

export type TracedError = { readonly kind: string; readonly message: string } & ErrorDetails;
