import type { Command } from "commander";
import type { RunView } from "../core/run-view.ts";
import { addExamples } from "./command.ts";
import { addCommon, type CommonOptions, requireBus, tenantOf } from "./options.ts";
import { formatMoment, printJson, printLines } from "./output.ts";

interface Options extends CommonOptions {
  readonly all?: boolean;
}

/** Lines of a tree; more are counted, unless all are asked for. */
const MOST_LINES = 200;

export function configure(command: Command): void {
  addCommon(
    command
      .argument("RUN", "the run's id")
      .option("--all", `print every task, however many (default: at most ${MOST_LINES} lines)`),
  ).action(show);
  addExamples(command, "show 0VJ8kXkq3fT2 --bus nats://127.0.0.1:4222", "show 0VJ8kXkq3fT2 --json | jq .output");
  command.addHelpText("after", "\nExits with 0 however the run has ended: its status says how.");
}

async function show(run: string, options: Options): Promise<void> {
  const bus = requireBus(options);
  const [{ openClient }, { RunTree }, { renderHeading, renderTree }, { oneLine, paintFor }] = await Promise.all([
    import("./session.ts"),
    import("./run-tree.ts"),
    import("./tree-view.ts"),
    import("./style.ts"),
  ]);
  await using session = await openClient(bus);
  const view = await session.app.get(run, tenantOf(options));
  if (options.json) return printJson(view);
  const paint = paintFor(process.stdout);
  const tree = RunTree.of(view);
  const lineOptions = { paint, now: Date.now() };
  const { error } = view;
  const facts = [
    ["submitted", formatMoment(view.submittedAt)],
    ["ended", view.endedAt ? formatMoment(view.endedAt) : undefined],
    ["redriven", view.redriven && describeRedrive(view.redriven)],
    ["trace", view.trace],
    ["error", error && paint("red", `${error.code} ${oneLine(error.message)}`)],
    ["output", view.output === undefined ? undefined : JSON.stringify(view.output, null, 2)],
  ] as const;
  printLines([
    renderHeading(tree, lineOptions),
    ...renderTree(tree, options.all ? Number.POSITIVE_INFINITY : MOST_LINES, lineOptions),
    "",
    ...facts.flatMap(([label, value]) => (value ? [`${paint("dim", label.padEnd(9))}  ${value}`] : [])),
  ]);
}

const describeRedrive = ({ task, attempt, at, times }: NonNullable<RunView["redriven"]>): string =>
  `${times === 1 ? "once" : `${times} times`}, last ${formatMoment(at)}: task ${task}, whose attempt ${attempt} had failed`;
