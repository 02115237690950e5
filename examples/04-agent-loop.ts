/**
 * An agent: a task that looks at what it knows and returns a value, or a plan that calls a tool and ends in itself.
 * A task that plans itself needs its contract apart from its handler. A tree is at most 32 levels deep, and so is a loop.
 */
import { z } from "zod";
import { plan, task, tutti, worker } from "../src/index.ts";

const FACTS: Record<string, number> = { "people in Iceland": 389_000, "km² of Iceland": 103_000 };

const lookUp = worker("look-up", {
  input: z.object({ fact: z.string() }),
  output: z.object({ found: z.number() }),
  run: ({ input }) => ({ found: FACTS[input.fact]! }),
});

const divide = worker("divide", {
  input: z.object({ a: z.number(), b: z.number() }),
  output: z.object({ found: z.number() }),
  run: ({ input }) => ({ found: input.a / input.b }),
});

const agent = task("agent", {
  input: z.object({ goal: z.string(), known: z.record(z.string(), z.number()) }),
  output: z.object({ answer: z.string() }),
});

const thinking = worker(agent, ({ input: { goal, known } }) => {
  // A model would decide here.
  const missing = Object.keys(FACTS).find((fact) => !(fact in known));
  const { density } = known;
  if (density !== undefined) return { answer: `${goal} ${density.toFixed(1)} people per km²` };
  return plan((p) => {
    const tool = missing
      ? p.task(lookUp, { fact: missing })
      : p.task(divide, { a: known["people in Iceland"]!, b: known["km² of Iceland"]! });
    return p.task(agent, { goal, known: { ...known, [missing ?? "density"]: tool.output.found } });
  });
});

await using app = await tutti({ workers: [thinking, lookUp, divide] });
const { answer } = await app.run(agent, { goal: "How crowded is Iceland?", known: {} });
console.log(answer);
