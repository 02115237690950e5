/**
 * A worker in TypeScript that plans tasks for a worker in Python, and uses their outputs. Start an orchestrator
 * (`tutti orchestrator`) and `python3 worker.py`, both with NATS_URL, and then this program.
 */
import { z } from "zod";
import { plan, task, tutti, worker } from "../../src/index.ts";

/** The task type that worker.py executes, with its input and output. */
const analyzeText = task("analyze-text", {
  input: z.object({ text: z.string() }),
  output: z.object({ words: z.int() }),
});

const compare = worker("compare", {
  input: z.object({ words: z.array(z.int()) }),
  output: z.string(),
  run: ({ input: { words } }) => `the longest has ${Math.max(...words)} words, the shortest ${Math.min(...words)}`,
});

const report = worker("report", {
  input: z.object({ texts: z.array(z.string()) }),
  output: z.string(),
  run: ({ input }) =>
    plan((p) => {
      const counted = input.texts.map((text, i) => p.task(analyzeText, { text }, { key: `text-${i}` }));
      return p.task(compare, { words: counted.map((one) => one.output.words) });
    }),
});

const bus = process.env.NATS_URL ?? "nats://127.0.0.1:4222";
await using app = await tutti({ bus, workers: [report, compare], orchestrator: false });
console.log(await app.run(report, { texts: ["one two three", "four five", "six"] }));
