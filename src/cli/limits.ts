import type { Command } from "commander";
import { formatDuration } from "../core/duration.ts";
import type { LimitView } from "../core/limit-view.ts";
import { addExamples } from "./command.ts";
import { addCommon, type CommonOptions, positiveInteger, requireBus, tenantOf } from "./options.ts";
import { printJson, printLines } from "./output.ts";

interface Options extends CommonOptions {
  readonly concurrency?: number;
  readonly rate?: string;
}

const LIMIT = "type:NAME, tenant:NAME or key:KEY";

export function configure(command: Command): void {
  addCommon(command.command("ls", { isDefault: true }).description("The limits, and how full they are.")).action(list);
  addCommon(
    command
      .command("set")
      .description("Limits a type, a tenant or a key, from now on and for all processes.")
      .argument("LIMIT", LIMIT)
      .option("--concurrency <n>", "attempts at once", positiveInteger)
      .option("--rate <n/time>", "attempts begun in any such time, e.g. 100/1m"),
  ).action(set);
  addCommon(command.command("rm").description("Removes a limit that was set.").argument("LIMIT", LIMIT)).action(remove);
  addExamples(
    command,
    "limits --bus nats://127.0.0.1:4222",
    "limits set type:fetch --concurrency 4 --rate 100/1m",
    "limits rm type:fetch",
  );
}

async function list(options: Options): Promise<void> {
  await using session = await open(options);
  print(await session.app.limits.list(), options);
}

async function set(limit: string, options: Options): Promise<void> {
  const { concurrency, rate } = options;
  await using session = await open(options);
  const stated = { ...(concurrency !== undefined && { concurrency }), ...(rate !== undefined && { rate }) };
  print(await session.app.limits.set(limit, { ...stated, ...tenantOf(options) }), options);
}

async function remove(limit: string, options: Options): Promise<void> {
  await using session = await open(options);
  await session.app.limits.remove(limit, tenantOf(options));
  if (options.json) printJson({ removed: limit });
  else printLines([`removed ${limit}`]);
}

async function open(options: Options) {
  const bus = requireBus(options);
  const { openClient } = await import("./session.ts");
  return openClient(bus);
}

async function print(limits: readonly LimitView[], { json }: Options): Promise<void> {
  if (json) return printJson(limits);
  if (limits.length === 0) return printLines(["no limits"]);
  const [{ renderTable }, { paintFor }] = await Promise.all([import("./table.ts"), import("./style.ts")]);
  const rows = limits.map(({ limit, tenant, most, perMs, held, waiting, isSet }) => [
    limit,
    tenant ?? "",
    perMs === undefined ? `${most} at once` : `${most} in ${formatDuration(perMs)}`,
    String(held),
    String(waiting),
    isSet ? "set" : "by plans",
  ]);
  printLines(
    renderTable(["LIMIT", "TENANT", "ALLOWED", "USED", "WAITING", "STATED"], rows, {
      paint: paintFor(process.stdout),
      right: ["USED", "WAITING"],
    }),
  );
}
