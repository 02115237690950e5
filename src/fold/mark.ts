/** That a task was told from outside how it has ended. */
export interface Mark {
  readonly by: string | undefined;
  readonly reason: string | undefined;
  /** Log time, ms. */
  readonly at: number;
  readonly as: "succeeded" | "skipped" | "failed";
}
