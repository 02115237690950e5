import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** One row of a result: the measured thing and its figures, or `failed` and the reason. */
export type Row = Readonly<Record<string, string | number>>;

export interface Report {
  readonly name: string;
  readonly rows: readonly Row[];
  /** Facts that the figures depend on, besides the machine. */
  readonly facts: Readonly<Record<string, unknown>>;
}

const HERE = fileURLToPath(new URL(".", import.meta.url));

/** Prints the rows as a table and writes them, with the environment, to `<folder>/<name>.json`. */
export function report({ name, rows, facts }: Report, folder = join(HERE, "results")): void {
  console.log(name);
  console.table(rows);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${name}.json`);
  writeFileSync(file, `${JSON.stringify({ name, environment: { ...describeMachine(), ...facts }, rows }, null, 2)}\n`);
  console.log(`written to ${file}`);
}

function describeMachine(): Readonly<Record<string, unknown>> {
  return {
    date: new Date().toISOString(),
    commit: describeCommit(),
    node: process.version,
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
  };
}

/** The commit of the checkout, with `-dirty` if files have been changed since; `unknown` outside git. */
function describeCommit(): string {
  try {
    const options = { cwd: HERE, encoding: "utf8", stdio: "pipe" } as const;
    return execFileSync("git", ["describe", "--always", "--dirty", "--abbrev=12"], options).trim();
  } catch {
    return "unknown";
  }
}
