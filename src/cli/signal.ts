import type { Command } from "commander";
import { addExamples } from "./command.ts";
import { addCommon, type CommonOptions, requireBus, tenantOf } from "./options.ts";
import { printJson, printLines } from "./output.ts";

interface Options extends CommonOptions {
  readonly input?: string;
  readonly data?: string;
  readonly by?: string;
  readonly id?: string;
}

export const TO = "the path of the task that waits, or the name of the signal";

export function configure(command: Command): void {
  addCommon(
    command
      .argument("RUN", "the run's id")
      .argument("TO", TO)
      .option("-d, --data <json>", "the content: JSON, @FILE, or - for standard input (default: null)")
      .option("-i, --input <json>", "the same as --data")
      .option("--by <name>", "who answers (default: the user's name)")
      .option("--id <id>", "sent again with the same id, it counts once"),
  ).action(async (run: string, to: string, options: Options) => {
    const bus = requireBus(options);
    const given = options.data ?? options.input;
    const [{ openClient }, { readInput }] = await Promise.all([import("./session.ts"), import("./input.ts")]);
    const data = given === undefined ? null : await readInput(given);
    await using session = await openClient(bus);
    const { by = userName(), id } = options;
    const answer = await session.app.signal(run, to, data, {
      ...tenantOf(options),
      by: await by,
      ...(id !== undefined && { id }),
    });
    if (options.json) return printJson(answer);
    printLines([answer.state === "taken" ? `${answer.task} has taken it` : "kept until a task waits for it"]);
  });
  addExamples(
    command,
    `signal 0VJ8kXkq3fT2 approve --data '{"ok":true}' --bus nats://127.0.0.1:4222`,
    "signal 0VJ8kXkq3fT2 part-3/ask --data @answer.json --by ada",
  );
}

/** Who answers where nothing is stated. */
export async function userName(): Promise<string> {
  const { userInfo } = await import("node:os");
  try {
    return userInfo().username;
  } catch {
    // A user id without an entry, as in some containers.
    return "the command line";
  }
}
