/** What a task's chart knows beside its state. */
export interface TaskContext {
  /** The current attempt: 1, 2, … A result counts only for this one. */
  readonly attempt: number;
  /** Attempts in all, in each round. */
  readonly attempts: number;
  /** Attempts that do not count: those of the rounds before (a redrive begins a new one), and those that were deferred or lost. */
  readonly spent: number;
  /** What it ends as once nothing is to be done before that any more. */
  readonly ending: "failed" | "cancelled" | "skipped" | "abandoned";
}

export interface TaskInput {
  /** Attempts in all, in each round. */
  readonly attempts: number;
  /** Attempts of a task of the same path, which this one replaces. Default: none. */
  readonly spent?: number;
}

/** `open`: an attempt is open, and its result counts. `over`: nothing happens any more, unless the run is redriven. */
export type TaskTag = "open" | "over";

export const beginContext = ({ attempts, spent = 0 }: TaskInput): TaskContext => ({
  attempt: spent + 1,
  attempts,
  spent,
  ending: "failed",
});
