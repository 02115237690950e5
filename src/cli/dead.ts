import { Command } from "commander";
import { nearest } from "../core/nearest.ts";
import { addExamples } from "./command.ts";
import { UsageError } from "./failure.ts";
import { addCommon, type CommonOptions, positiveInteger, requireBus, tenantOf } from "./options.ts";
import { formatMoment, printJson, printLines } from "./output.ts";
import type { Session } from "./session.ts";

interface ListOptions extends CommonOptions {
  readonly limit: number;
}
interface RedriveOptions extends CommonOptions {
  readonly reason?: string;
}

const ID = "its run's id, or request:<number>, as `tutti dead ls` lists it";

export function configure(command: Command): void {
  command.argument("[what]").usage("ls|show|redrive|drop [options]");
  command.action((asked: string | undefined) => refuse(command, asked));
  const add = (name: string, summary: string) => command.addCommand(inherit(command, name).description(summary));
  const named = (name: string) => command.commands.find((one) => one.name() === name)!;
  add("ls", "List dead letters, newest first.");
  add("show", "Show one dead letter: its error and its input.");
  add("redrive", "Try again: a run continues with its failed tasks, a stored request is started again.");
  add("drop", "Delete a dead letter.");

  addCommon(named("ls").option("--limit <n>", "at most this many", positiveInteger, 50)).action(list);
  addExamples(
    named("ls"),
    "dead ls --bus nats://127.0.0.1:4222",
    "dead ls --json | jq -r '.[].id' | xargs -n1 tutti dead redrive",
  );
  addCommon(named("show").argument("ID", ID)).action(show);
  addExamples(named("show"), "dead show 0VJ8kXkq3fT2", "dead show 0VJ8kXkq3fT2 --json | jq .message.input");
  addCommon(named("redrive").argument("ID", ID).option("--reason <text>", "why, for the log")).action(redrive);
  addExamples(named("redrive"), `dead redrive 0VJ8kXkq3fT2 --reason "the service is back"`);
  addCommon(named("drop").argument("ID", ID)).action(drop);
  addExamples(named("drop"), "dead drop 0VJ8kXkq3fT2");
  addExamples(command, "dead ls", "dead show 0VJ8kXkq3fT2", "dead redrive 0VJ8kXkq3fT2", "dead drop request:17");
}

/** Creates a subcommand of `dead` that reports failures as its parent does. */
const inherit = (parent: Command, name: string): Command => new Command(name).copyInheritedSettings(parent);

function refuse(command: Command, asked: string | undefined): never {
  const known = command.commands.map((one) => one.name()).filter((name) => name !== "help");
  const near = asked === undefined ? undefined : nearest(asked, known);
  throw new UsageError(
    asked === undefined
      ? "missing subcommand of dead"
      : `unknown command ${JSON.stringify(`dead ${asked}`)}${near ? `; did you mean ${near}?` : ""}`,
    { expected: `one of ${known.join(", ")} (see tutti dead --help)`, ...(asked !== undefined && { received: asked }) },
  );
}

async function open(options: CommonOptions): Promise<Session> {
  const bus = requireBus(options);
  const { openClient } = await import("./session.ts");
  return openClient(bus);
}

async function list(options: ListOptions): Promise<void> {
  await using session = await open(options);
  const letters = await session.app.dead.list({ ...tenantOf(options), limit: options.limit });
  if (options.json) return printJson(letters);
  if (letters.length === 0) return printLines(["no dead letters"]);
  const [{ renderTable }, { oneLine, paintFor, shorten }] = await Promise.all([
    import("./table.ts"),
    import("./style.ts"),
  ]);
  const rows = letters.map((one) => [
    one.id,
    formatMoment(one.at),
    oneLine(one.type),
    one.task ?? "",
    one.attempt === undefined ? "" : String(one.attempt),
    one.error.kind ?? String(one.error.code),
    shorten(oneLine(one.error.message), 60),
  ]);
  const heading = ["ID", "SINCE", "TYPE", "TASK", "ATTEMPT", "WHY", "ERROR"];
  printLines(renderTable(heading, rows, { paint: paintFor(process.stdout), right: ["ATTEMPT"] }));
}

async function show(id: string, options: CommonOptions): Promise<void> {
  await using session = await open(options);
  const letter = await session.app.dead.get(id, tenantOf(options));
  if (options.json) return printJson(letter);
  const [{ manyLines, oneLine, paintFor }, { errorFacts }, { describeLosses }] = await Promise.all([
    import("./style.ts"),
    import("./error-facts.ts"),
    import("./task-line.ts"),
  ]);
  const paint = paintFor(process.stdout);
  const { kind, code, message } = letter.error;
  const { message: given, request } = letter;
  const facts: readonly (readonly [string, string | undefined])[] = [
    ["since", formatMoment(letter.at)],
    ["run", letter.run],
    ["task", letter.task && `${letter.task}, attempt ${letter.attempt}`],
    ["type", letter.type],
    ["lost", letter.lost && describeLosses(letter.lost)],
    ["error", `${kind ?? code} ${oneLine(message)}`],
    ...errorFacts(letter.error),
    ["input", given && JSON.stringify(given.input ?? given.inputRef, null, 2)],
    ["needs", given && JSON.stringify(given.needs ?? given.needsRef, null, 2)],
    ["headers", request && JSON.stringify(request.headers)],
    ["body", request && (request.body ?? request.bodyBase64 ?? `(in the object store: ${request.bodyRef})`)],
  ];
  const colour = (label: string, text: string) => (label === "error" ? paint("red", text) : text);
  printLines(
    facts.flatMap(([label, value]) =>
      // Clients and handlers wrote most of it, so control characters are replaced.
      value ? [`${paint("dim", label.padEnd(9))}  ${colour(label, manyLines(value))}`] : [],
    ),
  );
}

async function redrive(id: string, options: RedriveOptions): Promise<void> {
  await using session = await open(options);
  const { reason } = options;
  const redriven = await session.app.dead.redrive(id, {
    ...tenantOf(options),
    by: "the command line",
    ...(reason !== undefined && { reason }),
  });
  if (options.json) return printJson(redriven);
  const { run, task, attempt, already } = redriven;
  // Only a run has a failed task.
  if (task === undefined)
    return printLines([`stored ${redriven.id.replace(":", " ")} is started again, as run ${run}`]);
  const what = `: task ${task}, attempt ${attempt}`;
  printLines([already ? `run ${run} was redriven before${what}` : `run ${run} is redriven${what}`]);
}

async function drop(id: string, options: CommonOptions): Promise<void> {
  await using session = await open(options);
  await session.app.dead.drop(id, tenantOf(options));
  if (options.json) printJson({ id });
  else printLines([`dead letter ${id} is dropped`]);
}
