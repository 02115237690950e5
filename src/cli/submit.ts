import type { Command } from "commander";
import type { RunOptions, Tutti } from "../app.ts";
import type { RunSummary } from "../core/run-view.ts";
import { addExamples } from "./command.ts";
import { addRequest, type RequestOptions, requireBus, toRunOptions } from "./options.ts";
import { formatMoment, printJson, printLines } from "./output.ts";

/** The run with that id, if it had ended before the request, which then has started nothing. */
async function endBefore(
  app: Tutti,
  run: string,
  began: number,
  { tenant }: RunOptions,
): Promise<RunSummary | undefined> {
  const view = await app.get(run, tenant === undefined ? {} : { tenant });
  return view.endedAt && Date.parse(view.submittedAt) < began ? view : undefined;
}

export function configure(command: Command): void {
  addRequest(command.argument("TYPE", "the task type to run, e.g. document")).action(
    async (type: string, options: RequestOptions) => {
      const bus = requireBus(options);
      const request = await toRunOptions(options);
      const [{ readInput }, { openClient, printError }, { submit }] = await Promise.all([
        import("./input.ts"),
        import("./session.ts"),
        import("./submission.ts"),
      ]);
      const input = await readInput(options.input);
      const began = Date.now();
      await using session = await openClient(bus);
      const run = await submit(session.app, type, input, request);
      const ended = request.run === undefined ? undefined : await endBefore(session.app, run, began, request);
      if (options.json) printJson({ run, ...(ended && { status: ended.status }) });
      else printLines([run]);
      if (ended && !options.json)
        printError(`run ${run} had ${ended.status} at ${formatMoment(ended.endedAt!)}: nothing was started`);
    },
  );
  addExamples(command, `submit document --input '{"file":"report.pdf"}' --bus nats://127.0.0.1:4222`);
}
