import { basename, relative } from "node:path";
import type { Command } from "commander";

/** One command of `tutti`. Its module is loaded only when the command is called. */
export interface CommandModule {
  /** Adds arguments, options, an example and the action. */
  configure(command: Command): void;
}

/** The command that started this process, so that printed command lines can be copied. */
export function callName(): string {
  if (process.env.npm_lifecycle_event === "tutti") return "npm run tutti --";
  const byNpx = process.env.npm_command === "exec";
  const script = process.argv[1] ?? "tutti";
  if (basename(script) === "tutti") return byNpx ? "npx tutti" : "tutti";
  return `${byNpx ? "npx " : ""}node ${relative(process.cwd(), script)}`;
}

/** A `tutti` command line for `bus`, to be copied. `--bus` is left out if `NATS_URL` names the same bus. */
export const commandLine = (words: string, bus: string): string =>
  `${callName()} ${words}${process.env.NATS_URL?.trim() === bus ? "" : ` --bus ${bus}`}`;

/** The help text of commands that follow a run to its end. */
export const EXITS_LIKE_ITS_RUN =
  "Exits with 0 when the run succeeds, with 1 when it fails or is cancelled, with 2 for wrong usage or invalid input.";

/** Adds examples to a command's help. */
export function addExamples(command: Command, ...examples: readonly string[]): Command {
  const title = examples.length > 1 ? "Examples:" : "Example:";
  return command.addHelpText("after", `\n${title}\n${examples.map((line) => `  $ tutti ${line}`).join("\n")}`);
}
