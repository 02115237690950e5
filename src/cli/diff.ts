import type { Command } from "commander";
import type { DifferenceSide, RunDifference } from "../core/run-difference.ts";
import { addExamples } from "./command.ts";
import { addCommon, type CommonOptions, requireBus, tenantOf } from "./options.ts";
import { printJson, printLines } from "./output.ts";
import { paintFor } from "./style.ts";

/** Rows of the table; more are counted. `--json` has them all. */
const MOST_ROWS = 100;

export function configure(command: Command): void {
  addCommon(command.argument("RUN", "the first run").argument("OTHER", "the run to compare it with")).action(diff);
  addExamples(command, "diff 0VJ8kXkq3fT2 0VJ9aPLm27Qx --bus nats://127.0.0.1:4222");
}

async function diff(run: string, other: string, options: CommonOptions): Promise<void> {
  const bus = requireBus(options);
  const [{ openClient }, { renderTable }, { formatDuration }] = await Promise.all([
    import("./session.ts"),
    import("./table.ts"),
    import("../core/duration.ts"),
  ]);
  await using session = await openClient(bus);
  const found = await session.app.diff(run, other, tenantOf(options));
  if (options.json) return printJson(found);
  const paint = paintFor(process.stdout);
  const describe = (one: DifferenceSide | undefined): string =>
    one
      ? [one.state, ...(one.attempts > 1 ? [`${one.attempts} attempts`] : []), formatDuration(one.ms)].join(", ")
      : "—";
  const rows = found.different
    .slice(0, MOST_ROWS)
    .map((one) => [one.task, one.type, describe(one.left), describe(one.right), one.differs.join(", ")]);
  const more = found.different.length - rows.length;
  printLines([
    ...headOf(found, formatDuration),
    "",
    ...(rows.length > 0
      ? renderTable(["TASK", "TYPE", found.left.run, found.right.run, "DIFFERS"], rows, { paint })
      : ["every task is the same, but for its time"]),
    ...(more > 0 ? [`… and ${more} more`] : []),
    ...found.slower
      .slice(0, 5)
      .map(
        ({ task, ms }, i) =>
          `${i === 0 ? "\n" : ""}${task}: ${formatDuration(Math.abs(ms))} ${ms > 0 ? "slower" : "faster"}`,
      ),
  ]);
}

function headOf(
  { left, right, sameInput, same, different }: RunDifference,
  formatMs: (ms: number) => string,
): string[] {
  const line = ({ run, type, status, ms, tasks }: RunDifference["left"]) =>
    `${run}  ${type}  ${status}  ${formatMs(ms)}  ${tasks} tasks`;
  return [
    line(left),
    line(right),
    `${sameInput ? "the same input" : "another input"}; ${same} tasks the same, ${different.length} different`,
  ];
}
