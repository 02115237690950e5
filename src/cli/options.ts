import { type Command, InvalidArgumentError, Option } from "commander";
import type { RunOptions } from "../app.ts";
import type { Priority } from "../core/names.ts";
import { UsageError } from "./failure.ts";

/** The options of nearly every command: the bus, the tenant and the output format. */
export interface CommonOptions {
  readonly bus?: string;
  readonly tenant?: string;
  readonly json?: boolean;
}

/** The options that describe a request. */
export interface RequestOptions extends CommonOptions {
  readonly input?: string;
  readonly run?: string;
  readonly priority?: Priority;
  readonly deadline?: string;
  readonly tag?: readonly string[];
}

export const addBus = (command: Command): Command =>
  command.addOption(new Option("--bus <url>", "NATS server(s), separated by commas").env("NATS_URL"));

const JSON_ONCE = "print JSON on standard output";
/** The description of `--json` for commands that print one object after another. */
export const JSON_LINES = `${JSON_ONCE}, one object per line`;

export const addJson = (command: Command, what = JSON_ONCE): Command => command.option("--json", what);

export const addCommon = (command: Command, json?: string): Command =>
  addJson(addBus(command).option("--tenant <name>", "tenant of the run (default: default)"), json);

export const addRequest = (command: Command): Command =>
  addCommon(
    command
      .option("-i, --input <json>", "the input: JSON, @FILE, or - for standard input (default: {})")
      .option("--run <id>", "id of the run: the same id with the same input is the same run")
      .addOption(new Option("--priority <level>", "priority of the run's tasks").choices(["high", "normal", "low"]))
      .option("--deadline <duration>", "time limit of the whole run, e.g. 30s (default: none)")
      .option("--tag <word>", "a tag to find the run by; may be repeated", gather),
  );

/** The options of processes that execute tasks. */
export interface HostingOptions extends CommonOptions {
  readonly concurrency?: number;
  readonly files?: string;
}

export const addHosting = (command: Command): Command =>
  addJson(
    addBus(
      command
        .option(
          "--concurrency <n>",
          "attempts executed at once over all types (default: as each type states; 16 for the others)",
          positiveInteger,
        )
        .option("--files <dir>", "let handlers open paths under this folder (default: none)"),
    ),
  );

/** Collects the values of an option that may be repeated. */
const gather = (one: string, before: readonly string[] = []): readonly string[] => [...before, one];

/** Parses a whole number, 1 or more. */
export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("Expected a whole number, 1 or more.");
  return value;
}

/** The bus that the user named, or undefined. An empty `NATS_URL` counts as absent. */
export const busOf = (options: CommonOptions): string | undefined => options.bus?.trim() || undefined;

/** The bus of a command that needs a server. Throws a {@link UsageError} if none is named. */
export function requireBus(options: CommonOptions): string {
  const bus = busOf(options);
  if (bus) return bus;
  throw new UsageError("no bus given: this command needs a NATS server, set --bus or NATS_URL", {
    expected: "a URL such as nats://127.0.0.1:4222 (`tutti dev` starts one)",
  });
}

/**
 * Converts the options of a request. Rejects with a {@link UsageError} for invalid ones, before anything is connected.
 */
export async function toRunOptions(options: RequestOptions): Promise<RunOptions> {
  const [{ isName, NAME_EXPECTED }, { parseDuration, DURATION_EXPECTED }] = await Promise.all([
    import("../core/names.ts"),
    import("../core/duration.ts"),
  ]);
  const { run, tenant, priority, deadline, tag } = options;
  for (const [flag, value] of [
    ["--run", run],
    ["--tenant", tenant],
  ] as const)
    if (value !== undefined && !isName(value))
      throw new UsageError(`${flag} ${JSON.stringify(value)}: expected ${NAME_EXPECTED}`, {
        expected: NAME_EXPECTED,
        received: value,
      });
  const deadlineMs = deadline === undefined ? undefined : parseDuration(deadline);
  if (deadline !== undefined && !deadlineMs)
    throw new UsageError(`--deadline ${JSON.stringify(deadline)}: expected ${DURATION_EXPECTED}`, {
      expected: DURATION_EXPECTED,
      received: deadline,
    });
  return {
    requester: "tutti command line",
    ...(run !== undefined && { run }),
    ...(tenant !== undefined && { tenant }),
    ...(priority && { priority }),
    ...(deadlineMs !== undefined && { deadline: deadlineMs }),
    ...(tag && { tags: tag }),
  };
}

/** The options of methods that only take a tenant. */
export const tenantOf = (options: CommonOptions): { tenant?: string } =>
  options.tenant === undefined ? {} : { tenant: options.tenant };
