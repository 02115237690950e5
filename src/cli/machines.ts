import type { Command } from "commander";
import { Option } from "commander";
import { addExamples } from "./command.ts";
import { UsageError } from "./failure.ts";
import { printJson, printLines } from "./output.ts";

interface Options {
  readonly json?: boolean;
  readonly mermaid?: boolean;
}

export function configure(command: Command): void {
  command
    .argument("[NAME]", "one chart: task, run, worker, shard, orchestrator or breaker (default: all)")
    .addOption(
      new Option(
        "--json",
        "print JSON: the argument of XState's createMachine() for one chart, an object of them by name for all",
      ).conflicts("mermaid"),
    )
    .option("--mermaid", "print a Mermaid state diagram")
    .action(show);
  addExamples(
    command,
    "machines",
    "machines task --mermaid > task.mmd",
    "machines shard --json   # paste it into createMachine(…), e.g. at https://stately.ai/editor",
  );
}

async function show(name: string | undefined, { json, mermaid }: Options): Promise<void> {
  const [{ CHARTS, isChartName }, { toMermaid, toMermaidTogether }, { outlineOf }, { paintFor }] = await Promise.all([
    import("../machines/charts.ts"),
    import("../machines/mermaid.ts"),
    import("../machines/outline.ts"),
    import("./style.ts"),
  ]);
  if (name !== undefined && !isChartName(name)) {
    const names = Object.keys(CHARTS).join(", ");
    throw new UsageError(`no chart is named ${JSON.stringify(name)}`, { expected: `one of ${names}`, received: name });
  }
  // `config` and not `definition`, which has no delays.
  const configs = Object.fromEntries(Object.entries(CHARTS).map(([key, { config }]) => [key, config]));
  if (json) return printJson(name === undefined ? configs : configs[name]);
  if (mermaid)
    return printLines([(name === undefined ? toMermaidTogether(CHARTS) : toMermaid(CHARTS[name])).trimEnd()]);
  const paint = paintFor(process.stdout);
  const STYLES = { chart: "bold", description: "dim", state: "cyan", activity: undefined, arrow: undefined } as const;
  for (const machine of name === undefined ? Object.values(CHARTS) : [CHARTS[name]]) {
    const lines = outlineOf(machine).map(({ depth, kind, text }) => {
      const style = STYLES[kind];
      return `${"  ".repeat(depth)}${style ? paint(style, text) : text}`;
    });
    printLines([...lines, ""]);
  }
}
