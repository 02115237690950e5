import type { Command } from "commander";
import { addExamples } from "./command.ts";
import { addCommon, type CommonOptions, requireBus, tenantOf } from "./options.ts";
import { printJson, printLines } from "./output.ts";

interface Options extends CommonOptions {
  readonly reason?: string;
}

export function configure(command: Command): void {
  addCommon(command.argument("RUN", "the run's id").option("--reason <text>", "why, for the log")).action(
    async (run: string, options: Options) => {
      const bus = requireBus(options);
      const { openClient } = await import("./session.ts");
      await using session = await openClient(bus);
      const { reason } = options;
      await session.app.cancel(run, {
        ...tenantOf(options),
        by: "the command line",
        ...(reason !== undefined && { reason }),
      });
      if (options.json) printJson({ run });
      else printLines([`run ${run} is being cancelled`]);
    },
  );
  addExamples(command, `cancel 0VJ8kXkq3fT2 --reason "wrong file" --bus nats://127.0.0.1:4222`);
}
