import type { Command } from "commander";
import { addExamples, commandLine, EXITS_LIKE_ITS_RUN } from "./command.ts";
import { addRequest, busOf, type RequestOptions, tenantOf, toRunOptions } from "./options.ts";
import { printJson, printLines } from "./output.ts";

interface Options extends RequestOptions {
  readonly quiet?: boolean;
}

export function configure(command: Command): void {
  addRequest(
    command
      .argument("TYPE", "the task type to run, e.g. document")
      .argument("[WORKERS...]", "modules that export workers; `builtin` names the built-in ones")
      .option("-q, --quiet", "show no progress")
      .addHelpText("after", `\n${EXITS_LIKE_ITS_RUN}\nCtrl-C cancels the run; a second one exits at once.`),
  ).action(run);
  addExamples(
    command,
    `run document --input '{"text":"Tutti plays. The audience loves it."}'`,
    `run document --input '{"file":"report.pdf"}'`,
    "run digest ./workers.ts --input @request.json --bus nats://127.0.0.1:4222",
  );
}

async function run(type: string, modules: readonly string[], options: Options): Promise<void> {
  const bus = busOf(options);
  const request = await toRunOptions(options);
  const { readInput } = await import("./input.ts");
  const input = await readInput(options.input);
  const { loadWorkers } = await import("./worker-modules.ts");
  const { workers } = await loadWorkers(modules, { withBuiltin: !bus });

  const [{ openSession }, { createDisplay }, { followToEnd }, { submit }] = await Promise.all([
    import("./session.ts"),
    import("./display.ts"),
    import("./follow-run.ts"),
    import("./submission.ts"),
  ]);
  using display = options.quiet ? undefined : createDisplay(process.stderr);
  await using session = await openSession({
    bus,
    workers,
    orchestrator: !bus,
    ...(display && { print: display.note }),
  });
  const { app } = session;
  const started = await submit(app, type, input, bus ? request : { ...request, openedInPlace: process.cwd() });
  const output = await followToEnd(app, started, display, {
    ...tenantOf(options),
    ...(bus && { command: (words: string) => commandLine(words, bus) }),
  });
  if (options.json) printJson(output);
  else printLines([JSON.stringify(output, null, 2)]);
}
