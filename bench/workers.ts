import { z } from "zod";
import { plan, worker } from "../src/index.ts";

const index = z.object({ i: z.number() });

const noop = worker("noop", { input: index, output: index, run: ({ input }) => input });

const count = worker("count", {
  input: z.object({ all: z.array(z.unknown()) }),
  output: z.number(),
  run: ({ input }) => input.all.length,
});

/** N no-op tasks, and one that reduces their outputs. */
const fanOut = worker("fan-out", {
  input: z.object({ n: z.number() }),
  run: ({ input }) =>
    plan((p) => {
      const parts = Array.from({ length: input.n }, (_, i) => p.task(noop, { i }, { key: `p${i}` }));
      return p.task(count, { all: parts.map((part) => part.output.i) });
    }),
});

/** N no-op tasks, one after another. */
const chain = worker("chain", {
  input: z.object({ n: z.number() }),
  run: ({ input }) =>
    plan((p) => {
      let last = p.task(noop, { i: 0 }, { key: "p0" });
      for (let i = 1; i < input.n; i++) last = p.task(noop, { i: last.output.i }, { key: `p${i}` });
      return last;
    }),
});

/** The shape of the document pipeline: one, four in parallel, one. */
const sixTasks = worker("six-tasks", {
  input: index,
  run: ({ input }) =>
    plan((p) => {
      const first = p.task(noop, { i: input.i }, { key: "extract" });
      const parts = [1, 2, 3, 4].map((k) => p.task(noop, { i: first.output.i }, { key: `part-${k}` }));
      return p.task(count, { all: parts.map((part) => part.output.i) }, { key: "report" });
    }),
});

export const benchWorkers = [noop, count, fanOut, chain, sixTasks];
