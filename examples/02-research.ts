/**
 * Orchestrator and workers: a model divides a question into parts, a task explores each part, and another writes the
 * report when all are done. Set OPENAI_BASE_URL, OPENAI_API_KEY and TUTTI_MODEL for any OpenAI-compatible endpoint.
 */
import { z } from "zod";
import { plan, TuttiError, tutti, worker } from "../src/index.ts";

const explore = worker("explore", {
  input: z.object({ angle: z.string() }),
  output: z.object({ notes: z.string() }),
  run: async ({ input, llm }) => ({ notes: await llm.text(`Research in five sentences: ${input.angle}`) }),
});

const write = worker("write", {
  input: z.object({ notes: z.array(z.string()) }),
  output: z.object({ report: z.string() }),
  run: async ({ input, llm }) => ({ report: await llm.text(`Write a report from:\n${input.notes.join("\n")}`) }),
});

const research = worker("research", {
  input: z.object({ question: z.string() }),
  output: z.object({ report: z.string() }),
  run: async ({ input, llm }) => {
    const { angles } = await llm.object(z.object({ angles: z.array(z.string()) }), `Name angles on: ${input.question}`);
    return plan((p) => {
      const parts = angles.map((angle, i) => p.task(explore, { angle }, { key: `angle-${i}` }));
      return p.task(write, { notes: parts.map((part) => part.output.notes) });
    });
  },
});

await using app = await tutti({ workers: [research, explore, write] });
try {
  const question = process.argv[2] ?? "Why do orchestras tune to an A?";
  console.log((await app.run(research, { question })).report);
} catch (error) {
  if (!(error instanceof TuttiError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
