import { z } from "zod";
import { plan, type Worker, worker } from "../src/index.ts";

const index = z.object({ i: z.number() });
const size = z.object({ n: z.number() });

const noop = worker("noop", { input: index, output: index, run: ({ input }) => input });

const count = worker("count", {
  input: z.object({ all: z.array(z.unknown()) }),
  output: z.number(),
  run: ({ input }) => input.all.length,
});

/** A plan of N tasks of a type, and one that reduces their outputs. */
const fanOutOf = (name: string, part: Worker<typeof index, typeof index>) =>
  worker(name, {
    input: size,
    run: ({ input }) =>
      plan((p) => {
        const parts = Array.from({ length: input.n }, (_, i) => p.task(part, { i }, { key: `p${i}` }));
        return p.task(count, { all: parts.map((one) => one.output.i) });
      }),
  });

/** A plan of N no-op tasks, one after another. */
const chain = worker("chain", {
  input: size,
  run: ({ input }) =>
    plan((p) => {
      let last = p.task(noop, { i: 0 }, { key: "p0" });
      for (let i = 1; i < input.n; i++) last = p.task(noop, { i: last.output.i }, { key: `p${i}` });
      return last;
    }),
});

/** A plan in the shape of the document pipeline: one task, four in parallel, one. */
const sixTasks = worker("six-tasks", {
  input: index,
  run: ({ input }) =>
    plan((p) => {
      const first = p.task(noop, { i: input.i }, { key: "extract" });
      const parts = [1, 2, 3, 4].map((k) => p.task(noop, { i: first.output.i }, { key: `part-${k}` }));
      return p.task(count, { all: parts.map((part) => part.output.i) }, { key: "report" });
    }),
});

let gate: PromiseWithResolvers<void> | undefined = Promise.withResolvers<void>();

/** Holds tasks of type `held` from now on. */
export function hold(): void {
  gate ??= Promise.withResolvers<void>();
}

/** Finishes the tasks that were held, and later ones at once. */
export function release(): void {
  gate?.resolve();
  gate = undefined;
}

const held = worker("held", {
  input: index,
  output: index,
  async run({ input }) {
    await gate?.promise;
    return input;
  },
});

/** A text of a given number of bytes. */
const text = worker("text", {
  input: z.object({ i: z.number(), bytes: z.number() }),
  output: z.object({ text: z.string() }),
  run: ({ input }) => ({ text: `${input.i} `.padEnd(input.bytes, "tutti ") }),
});

const measure = worker("measure", {
  input: z.object({ texts: z.array(z.string()) }),
  output: z.number(),
  run: ({ input }) => input.texts.reduce((sum, one) => sum + one.length, 0),
});

/** A plan of N texts, and a reducer that gets them all. */
const texts = worker("texts", {
  input: z.object({ n: z.number(), bytes: z.number() }),
  run: ({ input: { n, bytes } }) =>
    plan((p) => {
      const parts = Array.from({ length: n }, (_, i) => p.task(text, { i, bytes }, { key: `p${i}` }));
      return p.task(measure, { texts: parts.map((part) => part.output.text) });
    }),
});

/**
 * The workers of each set. A worker has the types that its plans need, since each further type is one more consumer,
 * which server 2.9 checks for every message.
 */
export const WORKERS = {
  plans: [noop, count, fanOutOf("fan-out", noop), chain, sixTasks],
  held: [held, count, fanOutOf("fan-out-held", held)],
  texts: [text, measure, texts],
} satisfies Record<string, readonly Worker[]>;

export type Workers = keyof typeof WORKERS;
