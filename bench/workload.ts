import type { Row } from "./report.ts";
import type { BenchServer, Sync } from "./server.ts";

/** What a workload is given. */
export interface Bench {
  readonly sizes: readonly number[];
  /** How often each contender is measured; the figures are medians. */
  readonly rounds: number;
  readonly sync: Sync;
  /** Starts a server of its own for the workload; it ends with the workload. */
  startServer(): Promise<BenchServer>;
  /** Something the figures depend on, for the report's environment. */
  note(facts: Readonly<Record<string, unknown>>): void;
  /** A line of progress. */
  say(line: string): void;
}

export interface Workload {
  /** One line for `--help`. */
  readonly summary: string;
  /** What the numbers after the name mean. */
  readonly sizesAre: string;
  readonly sizes: readonly number[];
  /** Default 5. */
  readonly rounds?: number;
  measure(bench: Bench): Promise<readonly Row[]>;
}
