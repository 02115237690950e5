/**
 * An agent: a model that calls tools until it knows the answer. Each turn is a task that returns an answer, or a plan:
 * the tools to call, and then the agent again with their results. A crash therefore repeats no completed turn, and
 * tools run in parallel. The contract is separate from the handler, because the task plans itself. A tree has at most
 * 32 levels, so an agent has at most that many turns. Set OPENAI_BASE_URL, OPENAI_API_KEY and TUTTI_MODEL.
 */
import { z } from "zod";
import { plan, TuttiError, task, tutti, worker } from "../src/index.ts";

const FACTS: Record<string, number> = { "people in Iceland": 389_000, "km² of Iceland": 103_000 };

const lookUp = worker("look-up", {
  input: z.object({ fact: z.string() }),
  output: z.object({ found: z.string() }),
  run: ({ input: { fact } }) => ({ found: `${fact}: ${FACTS[fact] ?? "not known"}` }),
});

const divide = worker("divide", {
  input: z.object({ a: z.number(), b: z.number() }),
  output: z.object({ found: z.string() }),
  run: ({ input: { a, b } }) => ({ found: `${a} / ${b} = ${(a / b).toFixed(1)}` }),
});

const decision = z.object({
  /** The answer, once it is known. */
  answer: z.string().optional(),
  lookUp: z.array(z.string()).default([]),
  divide: z.array(z.object({ a: z.number(), b: z.number() })).default([]),
});

const agent = task("agent", {
  input: z.object({ goal: z.string(), known: z.array(z.string()) }),
  output: z.object({ answer: z.string(), turns: z.int() }),
});

const thinking = worker(agent, async ({ input: { goal, known }, llm }) => {
  const facts = Object.keys(FACTS).join(", ");
  const decided = await llm.object(
    decision,
    `Goal: ${goal}\nFacts to look up: ${facts}\nKnown:\n${known.join("\n")}\nLook up, divide, or answer.`,
  );
  const { answer } = decided;
  if (answer !== undefined) return { answer, turns: known.length };
  return plan((p) => {
    const found = [
      ...decided.lookUp.map((fact, i) => p.task(lookUp, { fact }, { key: `look-up-${i}` })),
      ...decided.divide.map((numbers, i) => p.task(divide, numbers, { key: `divide-${i}` })),
    ].map((tool) => tool.output.found);
    return p.task(agent, { goal, known: [...known, ...found] });
  });
});

await using app = await tutti({ workers: [thinking, lookUp, divide] });
try {
  const { answer, turns } = await app.run(agent, { goal: "How crowded is Iceland?", known: [] });
  console.log(`${answer} (${turns} findings)`);
} catch (error) {
  if (!(error instanceof TuttiError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
