import type { Command } from "commander";
import type { ControlOptions, Tutti } from "../app.ts";
import { ROOT } from "../core/names.ts";
import { addCommon, type CommonOptions, requireBus, tenantOf } from "./options.ts";
import { printJson, printLines } from "./output.ts";

interface Options extends CommonOptions {
  readonly reason?: string;
  readonly by?: string;
}

/** A command that asks something of a run, or of a part of it. `say`: what is printed once it is in the log. */
export function addControl(
  command: Command,
  ask: (app: Tutti, run: string, options: ControlOptions) => Promise<void>,
  say: (what: string) => string,
): Command {
  command
    .argument("RUN", "the run's id")
    .argument("[TASK]", "the path of a task: only that, and what is below it (default: the whole run)")
    .option("--by <name>", "who asks (default: the command line)")
    .option("--reason <text>", "why, for the log");
  return addCommon(command).action(async (run: string, task: string | undefined, options: Options) => {
    const bus = requireBus(options);
    const { openClient } = await import("./session.ts");
    await using session = await openClient(bus);
    const { by = "the command line", reason } = options;
    await ask(session.app, run, {
      ...tenantOf(options),
      ...(task !== undefined && { task }),
      ...(reason !== undefined && { reason }),
      by,
    });
    if (options.json) printJson({ run, ...(task !== undefined && { task }) });
    else printLines([say(task === undefined || task === ROOT ? `run ${run}` : `task ${task} of run ${run}`)]);
  });
}
