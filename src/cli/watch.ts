import type { Command } from "commander";
import { addExamples, commandLine, EXITS_LIKE_ITS_RUN } from "./command.ts";
import { FACT_INDENT, renderFacts } from "./facts.ts";
import { foldFor } from "./fold-text.ts";
import { addCommon, type CommonOptions, JSON_LINES, requireBus, tenantOf } from "./options.ts";
import { printJson, printLines } from "./output.ts";
import { paintFor } from "./style.ts";

export function configure(command: Command): void {
  addCommon(command.argument("RUN", "the run's id"), JSON_LINES).action(watch);
  addExamples(command, "watch 0VJ8kXkq3fT2 --bus nats://127.0.0.1:4222");
  command.addHelpText("after", `\n${EXITS_LIKE_ITS_RUN}\nCtrl-C stops watching and exits with 0; the run continues.`);
}

async function watch(run: string, options: CommonOptions): Promise<void> {
  const bus = requireBus(options);
  const [{ openClient, printError }, { createDisplay }, { showRun }, { onShutdown }, { explainFailure }, { RunTree }] =
    await Promise.all([
      import("./session.ts"),
      import("./display.ts"),
      import("./follow-run.ts"),
      import("./shutdown.ts"),
      import("./root-cause.ts"),
      import("./run-tree.ts"),
    ]);
  using display = options.json
    ? { show: printJson, note: printError, [Symbol.dispose]() {} }
    : createDisplay(process.stdout);
  await using session = await openClient(bus, display.note);
  const leaving = new AbortController();
  onShutdown(() => leaving.abort());
  const ended = await showRun(session.app, run, display, { ...tenantOf(options), signal: leaving.signal });
  if (!ended || ended.status === "succeeded") return;
  process.exitCode = 1;
  if (options.json) return;
  display[Symbol.dispose]();
  const view = await session.app.get(run, tenantOf(options));
  const paint = paintFor(process.stdout);
  const facts = explainFailure(RunTree.of(view), (words) => commandLine(words, bus));
  printLines(foldFor(process.stdout, ["", ...renderFacts(facts, (label) => paint("dim", label))], FACT_INDENT));
}
