import type { Command } from "commander";
import type { Tutti } from "../app.ts";
import { ROOT } from "../core/names.ts";
import type { RunView } from "../core/run-view.ts";
import { addExamples, commandLine } from "./command.ts";
import { FACT_INDENT, type Fact, renderFacts } from "./facts.ts";
import { foldFor } from "./fold-text.ts";
import { addCommon, type CommonOptions, requireBus, tenantOf } from "./options.ts";
import { formatMoment, printJson, printLines } from "./output.ts";
import { paintFor } from "./style.ts";
import { describeBudget, describeUsage } from "./usage-text.ts";

interface Options extends CommonOptions {
  readonly all?: boolean;
  readonly trace?: boolean;
}

/** The number of lines of a tree without `--all`; further tasks are counted. */
const MOST_LINES = 200;
/** The number of columns if the output is not a terminal. */
const PIPE_WIDTH = 120;

export function configure(command: Command): void {
  addCommon(
    command
      .argument("RUN", "the run's id")
      .option("--trace", "print the run's trace id; of a run that goes on, export a snapshot now, and print that one's")
      .option("--all", `print every task (default: at most ${MOST_LINES} lines)`),
  ).action(show);
  addExamples(command, "show 0VJ8kXkq3fT2 --bus nats://127.0.0.1:4222", "show 0VJ8kXkq3fT2 --json | jq .output");
  command.addHelpText("after", "\nExits with 0 whatever the run's status is.");
}

async function show(run: string, options: Options): Promise<void> {
  const bus = requireBus(options);
  const [{ openClient }, { RunTree }, { renderHeading }, { renderTree }, { explainFailure }] = await Promise.all([
    import("./session.ts"),
    import("./run-tree.ts"),
    import("./heading.ts"),
    import("./tree-view.ts"),
    import("./root-cause.ts"),
  ]);
  await using session = await openClient(bus);
  if (options.trace) return await showTrace(session.app, run, options);
  const view = await session.app.get(run, tenantOf(options));
  if (options.json) return printJson(view);
  const paint = paintFor(process.stdout);
  const tree = RunTree.of(view);
  const width = process.stdout.isTTY ? process.stdout.columns || 80 : PIPE_WIDTH;
  const lineOptions = { paint, now: Date.now(), width };
  const all: (readonly [label: string, text: string | undefined])[] = [
    ["tags", view.tags?.join(", ")],
    ["submitted", formatMoment(view.submittedAt)],
    ["ended", view.endedAt ? formatMoment(view.endedAt) : undefined],
    ...(view.paused ?? []).map((pause) => ["paused", describePause(pause)] as const),
    ["redriven", view.redriven && describeRedrive(view.redriven)],
    ["usage", view.usage && describeUsage(view.usage)],
    ...view.tasks.flatMap((task) => (task.budget ? [["budget", describeBudget(task)] as const] : [])),
    ["trace", view.trace],
    ["output", view.output === undefined ? undefined : JSON.stringify(view.output, null, 2)],
    ...explainFailure(tree, (words) => commandLine(words, bus)),
  ];
  const facts = all.flatMap(([label, text]): Fact[] => (text ? [[label, text]] : []));
  printLines([
    renderHeading(tree, lineOptions),
    ...renderTree(tree, options.all ? Number.POSITIVE_INFINITY : MOST_LINES, lineOptions),
    "",
    ...foldFor(
      process.stdout,
      renderFacts(facts, (label) => paint("dim", label)),
      FACT_INDENT,
    ),
  ]);
}

const describePause = ({ task, since, by, reason }: NonNullable<RunView["paused"]>[number]): string =>
  `${task === ROOT ? "" : `task ${task} `}${by ? `by ${by} ` : ""}since ${formatMoment(since)}${reason ? `: ${reason}` : ""}`;

async function showTrace(app: Tutti, run: string, options: Options): Promise<void> {
  const found = await app.trace(run, tenantOf(options));
  if (options.json) return printJson(found);
  if (found.isSnapshot) process.stderr.write("a snapshot, apart from the trace that the run will have\n");
  printLines([found.trace]);
}

const describeRedrive = ({ task, attempt, at, times }: NonNullable<RunView["redriven"]>): string =>
  `${times === 1 ? "once" : `${times} times`}, last ${formatMoment(at)}: task ${task}, whose attempt ${attempt} had failed`;
