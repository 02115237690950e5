import type { Command } from "commander";
import type { Json } from "../core/json.ts";
import { addExamples } from "./command.ts";
import { UsageError } from "./failure.ts";
import { addCommon, type CommonOptions, requireBus, tenantOf } from "./options.ts";
import { printJson, printLines } from "./output.ts";
import type { Session } from "./session.ts";
import { TO, userName } from "./signal.ts";

interface Options extends CommonOptions {
  readonly data?: string;
  readonly reject?: boolean;
  readonly by?: string;
}

export function configure(command: Command): void {
  addCommon(
    command
      .argument("RUN", "the run's id")
      .argument("[TO]", `${TO} (default: the one that the run waits for)`)
      .option("--reject", `answer {"ok":false}`)
      .option("-d, --data <json>", `the answer: JSON, @FILE, or - for standard input (default: {"ok":true})`)
      .option("--by <name>", "who answers (default: the user's name)"),
  ).action(async (run: string, to: string | undefined, options: Options) => {
    const bus = requireBus(options);
    const data = await answerOf(options);
    const { openClient } = await import("./session.ts");
    await using session = await openClient(bus);
    const by = options.by ?? (await userName());
    const answer = await session.app.signal(run, to ?? (await findOnly(session, run, options)), data, {
      ...tenantOf(options),
      by,
    });
    if (options.json) return printJson(answer);
    printLines([answer.state === "taken" ? `${answer.task} has taken it` : "kept until a task waits for it"]);
  });
  addExamples(command, "approve 0VJ8kXkq3fT2", "approve 0VJ8kXkq3fT2 part-3/ask --reject --by ada");
}

async function answerOf({ data, reject }: Options): Promise<Json> {
  if (data === undefined) return { ok: reject !== true };
  if (reject) throw new UsageError("--reject and --data are two answers", { expected: "one of them" });
  const { readInput } = await import("./input.ts");
  return readInput(data);
}

async function findOnly({ app }: Session, run: string, options: Options): Promise<string> {
  const { tasks } = await app.get(run, tenantOf(options));
  const open = tasks.filter(({ wait }) => wait?.for === "signal").map(({ task }) => task);
  if (open.length === 1) return open[0]!;
  const received = open.length === 0 ? "none" : open.join(", ");
  throw new UsageError(`run ${run}: expected one task that waits for a signal, found ${received}`, {
    expected: "the path of a task, or the name of a signal",
    received,
  });
}
