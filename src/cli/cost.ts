import { type Command, Option } from "commander";
import { COSTS_BY, type CostsBy, type CostView } from "../core/cost-view.ts";
import { addExamples } from "./command.ts";
import { addCommon, type CommonOptions, requireBus, tenantOf } from "./options.ts";
import { printJson, printLines } from "./output.ts";

interface Options extends CommonOptions {
  readonly by: CostsBy;
  readonly since?: string;
}

export function configure(command: Command): void {
  addCommon(
    command
      .addOption(new Option("--by <what>", "what is summed up").choices(COSTS_BY).default("model"))
      .option("--since <time>", "from this time on, or for this long: 24h, 2026-11-28T12:00Z"),
  ).action(async ({ by, since, ...options }: Options) => {
    const bus = requireBus(options);
    const [{ openClient }, { renderTable }, { paintFor }] = await Promise.all([
      import("./session.ts"),
      import("./table.ts"),
      import("./style.ts"),
    ]);
    await using session = await openClient(bus);
    const costs = await session.app.costs({ ...tenantOf(options), by, ...(since !== undefined && { since }) });
    if (options.json) return printJson(costs);
    if (costs.length === 0) return printLines(["no call of a model is in the log"]);
    const heading = [by.toUpperCase(), "RUNS", "CALLS", "INPUT", "CACHED", "OUTPUT", "REASONING", "US$"];
    printLines(renderTable(heading, costs.map(toRow), { paint: paintFor(process.stdout), right: heading.slice(1) }));
  });
  addExamples(command, "cost --by run --since 24h", "cost --by model --json | jq 'map(.cost) | add'");
}

const format = (count: number | undefined): string => (count === undefined ? "" : count.toLocaleString("en"));

const toRow = ({ name, runs, calls, inputTokens, cachedTokens, outputTokens, reasoningTokens, cost }: CostView) => [
  name,
  ...[runs, calls, inputTokens, cachedTokens, outputTokens, reasoningTokens].map(format),
  cost === undefined ? "not known" : cost.toFixed(4),
];
