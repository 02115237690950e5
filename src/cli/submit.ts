import type { Command } from "commander";
import { addExamples } from "./command.ts";
import { addRequest, type RequestOptions, requireBus, toRunOptions } from "./options.ts";
import { printJson, printLines } from "./output.ts";

export function configure(command: Command): void {
  addRequest(command.argument("TYPE", "the task type to run, e.g. document")).action(
    async (type: string, options: RequestOptions) => {
      const bus = requireBus(options);
      const request = await toRunOptions(options);
      const [{ readInput }, { openClient }, { submit }] = await Promise.all([
        import("./input.ts"),
        import("./session.ts"),
        import("./submission.ts"),
      ]);
      const input = await readInput(options.input);
      await using session = await openClient(bus);
      const run = await submit(session.app, type, input, request);
      if (options.json) printJson({ run });
      else printLines([run]);
    },
  );
  addExamples(command, `submit document --input '{"file":"report.pdf"}' --bus nats://127.0.0.1:4222`);
}
