import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";

export const median = (values: readonly number[]): number => quantile(values, 0.5);

export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
}

/** One line of a result: what was measured, and the figures. */
export type Row = Readonly<Record<string, string | number>>;

/** Prints the rows as a table and writes them, with the environment, to `bench/results/<name>.json`. */
export function report(name: string, rows: readonly Row[], facts: Readonly<Record<string, unknown>> = {}): void {
  console.table(rows);
  const environment = {
    date: new Date().toISOString(),
    node: process.version,
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    ...facts,
  };
  mkdirSync("bench/results", { recursive: true });
  writeFileSync(`bench/results/${name}.json`, `${JSON.stringify({ name, environment, rows }, null, 2)}\n`);
}
