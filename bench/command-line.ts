import { parseArgs } from "node:util";
import type { Sync } from "./server.ts";
import { UsageError } from "./usage-error.ts";
import type { Workload } from "./workload.ts";

/** The workloads to measure, and their options. */
export interface Command {
  readonly names: readonly string[];
  /** The sizes. Empty: those of each workload. */
  readonly sizes: readonly number[];
  readonly rounds: number | undefined;
  readonly sync: Sync;
  /** The folder for results. Default: `bench/results`. */
  readonly out: string | undefined;
}

const ALL = "all";

/** Reads the command line; undefined when help is requested. Throws {@link UsageError}. */
export function readCommand(
  args: readonly string[],
  workloads: Readonly<Record<string, Workload>>,
): Command | undefined {
  const { values, positionals } = parse(args);
  if (values.help) return undefined;
  const [name, ...sizes] = positionals;
  const known = Object.keys(workloads);
  if (name === undefined || !(name === ALL || known.includes(name))) {
    const received = name === undefined ? "nothing" : JSON.stringify(name);
    throw new UsageError(`NAME: expected one of ${[...known, ALL].join(", ")}; received ${received}`);
  }
  if (name === ALL && sizes.length > 0)
    throw new UsageError(`sizes go with one workload, not with all; received ${sizes.join(" ")}`);
  if (sizes.length > 0 && workloads[name]!.sizes.length === 0)
    throw new UsageError(`${name} takes no sizes; received ${sizes.join(" ")}`);
  if (values.sync !== "default" && values.sync !== "always")
    throw new UsageError(`--sync: expected default or always; received ${JSON.stringify(values.sync)}`);
  return {
    names: name === ALL ? known : [name],
    sizes: sizes.map((size) => readCount("N", size)),
    rounds: values.rounds === undefined ? undefined : readCount("--rounds", values.rounds),
    sync: values.sync,
    out: values.out,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        help: { type: "boolean", short: "h" },
        rounds: { type: "string" },
        sync: { type: "string", default: "default" },
        out: { type: "string" },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function readCount(what: string, text: string): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count >= 1) return count;
  throw new UsageError(`${what}: expected a whole number above 0; received ${JSON.stringify(text)}`);
}

export function describeUsage(workloads: Readonly<Record<string, Workload>>): string {
  const width = Math.max(...Object.keys(workloads).map((name) => name.length));
  const lines = Object.entries(workloads).map(
    ([name, { summary, sizesAre, sizes }]) =>
      `  ${name.padEnd(width)}  ${summary}\n  ${" ".repeat(width)}  N: ${sizesAre}${sizes.length > 0 ? ` (default ${sizes.join(" ")})` : ""}`,
  );
  return `npm run bench -- NAME [N …] [--rounds N] [--sync always] [--out FOLDER]

Measures one workload, or all of them, prints a table, and writes it as JSON.

NAME
${lines.join("\n")}
  ${ALL.padEnd(width)}  every one of these

--rounds N     how often each contender is measured, in turn; the figures are medians (default 5, memory 20)
--sync always  the server writes every message to the disk before it acknowledges it (nats-server 2.10 or later)
--out FOLDER   where NAME.json is written (default bench/results)

A nats-server is taken from the PATH, or from NATS_SERVER_BIN. bench/README.md says what is compared.

  npm run bench -- fan-out 1000 10000
`;
}
