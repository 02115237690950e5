/** Task types of every shape that a run can have, small enough that many runs end in a second. */
import { z } from "zod";
import { plan, TerminalError, worker } from "../../src/index.ts";

const leaf = worker("leaf", {
  input: z.object({ n: z.number() }),
  output: z.number(),
  run: ({ input }) => input.n + 1,
});

const wide = worker("wide", {
  input: z.object({ tasks: z.number() }),
  run: ({ input }) => plan((p) => void Array.from({ length: input.tasks }, (_, n) => p.task(leaf, { n }))),
});

const chain = worker("chain", {
  input: z.object({ length: z.number() }),
  run: ({ input }) =>
    plan((p) => {
      let last = p.task(leaf, { n: 0 });
      for (let i = 1; i < input.length; i++) last = p.task(leaf, { n: last.output });
      return last;
    }),
});

/** Larger than what travels in a message. */
const bulky = worker("bulky", {
  input: z.object({ bytes: z.number() }),
  output: z.string(),
  run: ({ input }) => "x".repeat(input.bytes),
});

const flaky = worker("flaky", {
  retry: { attempts: 3, delay: 20, maxDelay: 50 },
  run({ attempt }) {
    if (attempt < 3) throw new Error("not yet");
    return attempt;
  },
});

const broken = worker("broken", {
  run() {
    throw new TerminalError("this one always fails");
  },
});

/** Never ends by itself: for runs that are cancelled, or end by their deadline. */
const stuck = worker("stuck", {
  run: ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
});

export const soakWorkers = [leaf, wide, chain, bulky, flaky, broken, stuck];
