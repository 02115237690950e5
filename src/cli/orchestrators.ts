import type { Command } from "commander";
import type { OrchestratorPresence } from "../core/registration.ts";
import { addExamples } from "./command.ts";
import { addBus, addJson, type CommonOptions, requireBus } from "./options.ts";
import { formatMoment, printJson, printLines } from "./output.ts";

export function configure(command: Command): void {
  addJson(addBus(command)).action(async (options: CommonOptions) => {
    const bus = requireBus(options);
    const [{ openClient }, { renderTable }, { paintFor }] = await Promise.all([
      import("./session.ts"),
      import("./table.ts"),
      import("./style.ts"),
    ]);
    await using session = await openClient(bus);
    const alive = (await session.app.orchestrators()).sort((a, b) => a.orchestrator.localeCompare(b.orchestrator));
    if (options.json)
      return printJson(alive.map(({ v, since, ...rest }) => ({ ...rest, since: new Date(since).toISOString() })));
    if (alive.length === 0) return printLines(["no orchestrator is alive; start one with: tutti orchestrator"]);
    const rows = alive.map((one) => [
      one.orchestrator,
      String(one.runs),
      formatMoment(one.since),
      `v${one.reads ?? 1}`,
      formatRanges(one.shards),
    ]);
    const paint = paintFor(process.stdout);
    printLines([
      ...renderTable(["ORCHESTRATOR", "RUNS", "SINCE", "READS", "SHARDS"], rows, { paint, right: ["RUNS"] }),
      ...describeWaiting(alive).map((line) => paint("yellow", line)),
    ]);
  });
  addExamples(command, "orchestrators --bus nats://127.0.0.1:4222");
}

/** Describes the shards that no orchestrator alive can read, as the orchestrators report them. */
function describeWaiting(alive: readonly OrchestratorPresence[]): string[] {
  const needs = new Map(alive.flatMap(({ waiting = [] }) => waiting.map((one) => [one.shard, one.needs])));
  if (needs.size === 0) return [];
  const [most, best] = [Math.max(...needs.values()), Math.max(...alive.map(({ reads = 1 }) => reads))];
  return [
    `shards ${formatRanges([...needs.keys()])} wait for an orchestrator that reads version ${most}; those alive read up to ${best}`,
  ];
}

/** Writes numbers as ranges: `0-3, 7, 9-11`. */
export function formatRanges(numbers: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last && last[1] === number - 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges.map(([from, to]) => (from === to ? String(from) : `${from}-${to}`)).join(", ");
}
