/** Task types whose every execution is written down, and what a faultless run of each gives. */
import { appendFileSync } from "node:fs";
import { z } from "zod";
import type { Json } from "../../src/core/json.ts";
import { plan, worker } from "../../src/index.ts";

const effects = process.env.CHAOS_EFFECTS;

/** One line an execution, appended at once: a process that dies has told what it began. */
function note(run: string, task: string, attempt: number): void {
  if (effects) appendFileSync(effects, `${run} ${task} ${attempt} ${Date.now()}\n`);
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const leaf = worker("leaf", {
  input: z.object({ n: z.number(), ms: z.number(), flaky: z.boolean().optional() }),
  output: z.number(),
  retry: { attempts: 3, delay: 50, maxDelay: 50 },
  async run({ input, run, task, attempt }) {
    note(run, task, attempt);
    await pause(input.ms);
    if (input.flaky && attempt === 1) throw new Error("the first attempt of this one fails");
    return input.n;
  },
});

const sum = worker("sum", {
  input: z.object({ parts: z.array(z.number()) }),
  output: z.number(),
  run({ input, run, task, attempt }) {
    note(run, task, attempt);
    return input.parts.reduce((a, b) => a + b, 0);
  },
});

const wide = worker("wide", {
  input: z.object({ leaves: z.number(), seed: z.number() }),
  output: z.number(),
  run({ input, run, task, attempt }) {
    note(run, task, attempt);
    return plan((p) => {
      const leaves = Array.from({ length: input.leaves }, (_, i) =>
        p.task(leaf, { n: i + input.seed, ms: (i * 7) % 60, flaky: i % 10 === 3 }, { key: `l${i}` }),
      );
      return p.task(sum, { parts: leaves.map((one) => one.output) }, { key: "sum" });
    });
  },
});

/** A plan within a plan within a plan; each level adds what its leaf says. */
const deep = worker("deep", {
  input: z.object({ depth: z.number(), seed: z.number() }),
  run({ input, run, task, attempt }) {
    note(run, task, attempt);
    return plan((p) => {
      const here = p.task(leaf, { n: input.seed + input.depth, ms: 10 }, { key: "leaf" });
      if (input.depth === 0) return p.task(sum, { parts: [here.output] }, { key: "sum" });
      const below = p.task("deep", { depth: input.depth - 1, seed: input.seed }, { key: "d" });
      return p.task("sum", { parts: [here.output, below.output] }, { key: "sum" });
    });
  },
});

export const chaosWorkers = [leaf, sum, wide, deep];

export interface Expected {
  readonly output: Json;
  /** Tasks in the tree, the root included. */
  readonly tasks: number;
}

export function expectWide({ leaves, seed }: { leaves: number; seed: number }): Expected {
  return { output: (leaves * (leaves - 1)) / 2 + leaves * seed, tasks: leaves + 2 };
}

export function expectDeep({ depth, seed }: { depth: number; seed: number }): Expected {
  return { output: (depth + 1) * seed + (depth * (depth + 1)) / 2, tasks: 3 * (depth + 1) };
}
