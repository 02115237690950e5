import type { Row } from "./report.ts";
import type { BenchServer, Sync } from "./server.ts";

/** The parameters of a workload. */
export interface Bench {
  readonly sizes: readonly number[];
  /** The number of measurements of each contender; the figures are medians. */
  readonly rounds: number;
  readonly sync: Sync;
  /** Starts a server for the workload, which ends with it. */
  startServer(): Promise<BenchServer>;
  /** Adds facts that the figures depend on to the report. */
  note(facts: Readonly<Record<string, unknown>>): void;
  /** Prints a line of progress. */
  say(line: string): void;
}

export interface Workload {
  /** A description in one line for `--help`. */
  readonly summary: string;
  /** The meaning of the numbers after the name. */
  readonly sizesAre: string;
  readonly sizes: readonly number[];
  /** The number of rounds. Default 5. */
  readonly rounds?: number;
  measure(bench: Bench): Promise<readonly Row[]>;
}
