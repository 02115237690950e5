import type { Command } from "commander";
import { addExamples, EXITS_LIKE_ITS_RUN } from "./command.ts";
import { addCommon, type CommonOptions, JSON_LINES, requireBus, tenantOf } from "./options.ts";
import { printJson } from "./output.ts";

export function configure(command: Command): void {
  addCommon(command.argument("RUN", "the run's id"), JSON_LINES).action(watch);
  addExamples(command, "watch 0VJ8kXkq3fT2 --bus nats://127.0.0.1:4222");
  command.addHelpText("after", `\n${EXITS_LIKE_ITS_RUN}\nCtrl-C stops watching, with 0; the run goes on.`);
}

async function watch(run: string, options: CommonOptions): Promise<void> {
  const bus = requireBus(options);
  const [{ openClient, printError }, { createDisplay }, { showRun }, { onShutdown }] = await Promise.all([
    import("./session.ts"),
    import("./display.ts"),
    import("./follow-run.ts"),
    import("./shutdown.ts"),
  ]);
  using display = options.json
    ? { show: printJson, note: printError, [Symbol.dispose]() {} }
    : createDisplay(process.stdout);
  await using session = await openClient(bus, display.note);
  const left = new AbortController();
  onShutdown(() => left.abort());
  const ended = await showRun(session.app, run, display, { ...tenantOf(options), signal: left.signal });
  if (ended && ended.status !== "succeeded") process.exitCode = 1;
}
