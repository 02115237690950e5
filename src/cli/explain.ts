import type { Command } from "commander";
import type { Explanation } from "../core/explanation.ts";
import { addExamples, commandLine } from "./command.ts";
import { FACT_INDENT, renderFacts } from "./facts.ts";
import { foldFor } from "./fold-text.ts";
import { addCommon, type CommonOptions, requireBus, tenantOf } from "./options.ts";
import { printJson, printLines } from "./output.ts";
import { paintFor } from "./style.ts";

export function configure(command: Command): void {
  addCommon(command.argument("RUN", "the run's id")).action(explain);
  addExamples(command, "explain 0VJ8kXkq3fT2 --bus nats://127.0.0.1:4222", "explain 0VJ8kXkq3fT2 --json | jq .failure");
}

async function explain(run: string, options: CommonOptions): Promise<void> {
  const bus = requireBus(options);
  const [{ openClient }, { explanationFacts, headOf }] = await Promise.all([
    import("./session.ts"),
    import("./explanation-text.ts"),
  ]);
  await using session = await openClient(bus);
  const found: Explanation = await session.app.explain(run, tenantOf(options));
  if (options.json) return printJson(found);
  // Whether somebody could take what waits: without an orchestrator that answers, the log is explained all the same.
  const workers = found.waitingCount > 0 ? await session.app.workers().catch(() => undefined) : undefined;
  const paint = paintFor(process.stdout);
  const facts = explanationFacts(found, { workers, command: (words) => commandLine(words, bus) });
  printLines(
    foldFor(process.stdout, [headOf(found), "", ...renderFacts(facts, (label) => paint("dim", label))], FACT_INDENT),
  );
}
