import type { Command } from "commander";
import type { Marking } from "../app.ts";
import { addExamples } from "./command.ts";
import { UsageError } from "./failure.ts";
import { addCommon, type CommonOptions, requireBus, tenantOf } from "./options.ts";
import { printJson, printLines } from "./output.ts";

interface Options extends CommonOptions {
  readonly output?: string;
  readonly skip?: boolean;
  readonly fail?: string;
  readonly reason?: string;
  readonly by?: string;
}

export function configure(command: Command): void {
  addCommon(
    command
      .argument("RUN", "the run's id")
      .argument("TASK", "the path of the task")
      .option("-o, --output <json>", "it has succeeded with this output: JSON, @FILE, or - for standard input")
      .option("--skip", "it is left out")
      .option("--fail <message>", "it has failed, for this reason; nothing is tried again")
      .option("--by <name>", "who says so (default: the command line)")
      .option("--reason <text>", "why, for the log"),
  ).action(async (run: string, task: string, options: Options) => {
    const bus = requireBus(options);
    const as = await readMarking(options);
    const { openClient } = await import("./session.ts");
    await using session = await openClient(bus);
    const { by = "the command line", reason } = options;
    await session.app.mark(run, task, as, { ...tenantOf(options), by, ...(reason !== undefined && { reason }) });
    if (options.json) printJson({ run, task });
    else printLines([`task ${task} of run ${run} is marked as ${wordOf(as)}`]);
  });
  addExamples(
    command,
    `mark 0VJ8kXkq3fT2 review/legal --output '{"ok":true}' --bus nats://127.0.0.1:4222`,
    "mark 0VJ8kXkq3fT2 part-3 --skip --reason 'not needed today'",
    "mark 0VJ8kXkq3fT2 part-3 --fail 'the supplier is gone'",
  );
}

const wordOf = ({ skip, fail }: Marking): string => (fail !== undefined ? "failed" : skip ? "skipped" : "succeeded");

async function readMarking({ output, skip, fail }: Options): Promise<Marking> {
  const stated = [output !== undefined && "--output", skip && "--skip", fail !== undefined && "--fail"].filter(Boolean);
  if (stated.length !== 1)
    throw new UsageError("say how the task has ended", {
      expected: "exactly one of --output JSON, --skip and --fail MESSAGE",
      received: stated.join(" and ") || "none of them",
    });
  if (fail !== undefined) return { fail };
  if (output === undefined) return { skip: true };
  const { readInput } = await import("./input.ts");
  return { output: await readInput(output) };
}
