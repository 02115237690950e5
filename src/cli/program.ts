import { Command, CommanderError } from "commander";
import { nearest } from "../core/nearest.ts";
import type { CommandModule } from "./command.ts";
import { FACT_INDENT } from "./facts.ts";
import { describeFailure, exitCodeOf, toWireError, UsageError } from "./failure.ts";
import { foldFor } from "./fold-text.ts";
import { flushOutput, printJson } from "./output.ts";
import { paintFor } from "./style.ts";
import { version } from "./version.ts";

/** The summary and module of each command. Only the module of the called command is loaded. */
const COMMANDS: Readonly<Record<string, readonly [summary: string, load: () => Promise<CommandModule>]>> = {
  dev: ["everything in one process, with a NATS server if there is one", () => import("./dev.ts")],
  run: ["run one request to its end and print its output", () => import("./run.ts")],
  orchestrator: ["one orchestrator process on NATS", () => import("./orchestrator.ts")],
  worker: ["one worker process on NATS", () => import("./worker.ts")],
  submit: ["submit a request and print the run's id", () => import("./submit.ts")],
  runs: ["list runs, newest first", () => import("./runs.ts")],
  show: ["one run's tree with states, times, attempts and errors", () => import("./show.ts")],
  watch: ["the live tree of a run, until it ends", () => import("./watch.ts")],
  log: ["the events of a run, in order", () => import("./log.ts")],
  explain: ["why a run is as it is: failures, waits, time and tokens, and what to do", () => import("./explain.ts")],
  replay: ["a run as it stood at any event of its log, and what each changed", () => import("./replay.ts")],
  diff: ["two runs, compared task by task", () => import("./diff.ts")],
  cancel: ["cancel a run, or a part of it", () => import("./cancel.ts")],
  pause: ["let nothing of a run, or of a part of it, start", () => import("./pause.ts")],
  resume: ["let what was paused go on", () => import("./resume.ts")],
  mark: ["say from outside how a task has ended", () => import("./mark.ts")],
  signal: ["answer what a run waits for", () => import("./signal.ts")],
  approvals: ["what is waited for, of whom, and until when", () => import("./approvals.ts")],
  approve: ["answer yes, or no, to what a run waits for", () => import("./approve.ts")],
  dead: ["what has failed for good: list, show, redrive, drop", () => import("./dead.ts")],
  limits: [
    "how much may run at once or in a time, by type, tenant and key: list, set, remove",
    () => import("./limits.ts"),
  ],
  cost: ["what calls of models took, by model, run, type or tenant", () => import("./cost.ts")],
  models: ["models and other services behind breakers: state, load, limits", () => import("./models.ts")],
  workers: ["the workers that are alive, their types, load and figures", () => import("./workers.ts")],
  machines: ["the state machines that run everything: as text, JSON or Mermaid", () => import("./machines.ts")],
  orchestrators: ["the orchestrators that are alive, and what each owns", () => import("./orchestrators.ts")],
};

/** The indent of folded lines, which puts them under the text of an indented fact. */
const FAILURE_INDENT = `  ${FACT_INDENT}`;

const BEFORE_COMMAND = new Set(["-h", "--help", "-V", "--version"]);

const EXAMPLES = `
Examples:
  $ tutti run document --input '{"text":"Tutti plays. The audience loves it."}'
  $ tutti dev
  $ tutti COMMAND --help

Exit codes: 0 done; 1 the run or the command failed; 2 wrong usage or invalid input.`;

async function createProgram(asked: string | undefined): Promise<Command> {
  const program = new Command("tutti")
    .description("Orchestrator and workers on NATS: a request becomes a tree of tasks, their results one answer.")
    .usage("COMMAND [options]")
    .helpCommand("help [COMMAND]", "how to use a command")
    .addHelpText("after", EXAMPLES)
    .version(version(), "-V, --version")
    .exitOverride()
    // Failures are printed in one place, below.
    .configureOutput({ writeErr: () => {} });
  for (const [name, [summary, load]] of Object.entries(COMMANDS)) {
    const command = program
      .command(name)
      .summary(summary)
      .description(`${summary[0]!.toUpperCase()}${summary.slice(1)}.`);
    if (name === asked) (await load()).configure(command);
  }
  return program;
}

/** Runs one command and ends the process with its exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  // A reader that closes the pipe early (`| head`) is not a failure.
  for (const stream of [process.stdout, process.stderr])
    stream.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
  for (const event of ["uncaughtException", "unhandledRejection"])
    process.on(event, (error: unknown) => void fail(error));
  if (argv.length === 0) {
    process.stderr.write(`${(await createProgram(undefined)).helpInformation()}${EXAMPLES}\n`);
    return finish(2);
  }
  if (argv[0]!.startsWith("-") && !BEFORE_COMMAND.has(argv[0]!))
    return fail(
      new UsageError(`unexpected option ${argv[0]}; options come after the command`, {
        expected: "tutti COMMAND [options]",
        received: argv[0]!,
      }),
    );
  const words = argv.filter((word) => !word.startsWith("-"));
  const asked = fullName(words[0] === "help" ? words[1] : words[0]);
  if (asked !== undefined && !Object.hasOwn(COMMANDS, asked)) return fail(unknownCommand(asked));
  const program = await createProgram(asked);
  try {
    await program.parseAsync(argv, { from: "user" });
  } catch (error) {
    return fail(error, program.commands.find((one) => one.name() === asked) ?? program);
  }
  return finish(Number(process.exitCode ?? 0));
}

/** Names that users know from other programs. */
const ALIASES: Readonly<Record<string, string>> = { ls: "runs" };
const fullName = (asked: string | undefined): string | undefined => ALIASES[asked ?? ""] ?? asked;

function unknownCommand(asked: string): UsageError {
  const known = Object.keys(COMMANDS);
  const near = nearest(asked, known);
  return new UsageError(`unknown command ${JSON.stringify(asked)}${near ? `; did you mean ${near}?` : ""}`, {
    expected: `one of ${known.join(", ")} (see tutti --help)`,
    received: asked,
  });
}

/** Reports a failure and ends the process with its exit code. All failures end here. */
async function fail(error: unknown, command?: Command): Promise<void> {
  const code = exitCodeOf(error);
  if (code !== 0) {
    if (process.argv.includes("--json")) printJson({ error: toWireError(error) });
    else process.stderr.write(`${foldFor(process.stderr, describe(error, command), FAILURE_INDENT).join("\n")}\n`);
  }
  return finish(code);
}

/** The word after the name of a command that has commands of its own, as `set` in `tutti limits set`. */
const subcommandOf = (argv: readonly string[], command: Command): string | undefined =>
  argv.slice(argv.indexOf(command.name(), 2) + 1).find((word) => !word.startsWith("-"));

function describe(error: unknown, command: Command | undefined): string[] {
  const paint = paintFor(process.stderr);
  const lines = describeFailure(error, paint, process.env.TUTTI_DEBUG === "1");
  if (!(error instanceof CommanderError) || !command) return lines;
  const meant = command.commands.find((one) => one.name() === subcommandOf(process.argv, command)) ?? command;
  const names = command.parent ? ["tutti", command.name()] : ["tutti"];
  const name = [...names, ...(meant === command ? [] : [meant.name()])].join(" ");
  return [...lines, paint("dim", `  usage: ${name} ${meant.usage()}`), paint("dim", `  help: ${name} --help`)];
}

async function finish(code: number): Promise<void> {
  await flushOutput();
  process.exit(code);
}
