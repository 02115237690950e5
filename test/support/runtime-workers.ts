/** Workers for processes of their own. They tell what they do on standard output. */
import { z } from "zod";
import { plan, worker } from "../../src/index.ts";

const untilAborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));

/** Never ends by itself. */
export const stuck = worker("stuck", {
  async run({ task, attempt, signal }) {
    console.log(`stuck ${task} ${attempt}`);
    await untilAborted(signal);
  },
});

/** Ends when the process is told to stop, and not before. */
export const patient = worker("patient", {
  async run({ task }) {
    console.log(`patient ${task}`);
    await new Promise((resolve) => process.once("SIGTERM", resolve));
    return task;
  },
});

export const leaf = worker("leaf", { input: z.object({ n: z.number() }), run: ({ input }) => input.n });

export const twig = worker("twig", {
  input: z.object({ leaves: z.number() }),
  run: ({ input }) =>
    plan((p) => {
      for (let n = 0; n < input.leaves; n++) p.task(leaf, { n }, { key: `leaf-${n}` });
    }),
});

export const tree = worker("tree", {
  input: z.object({ twigs: z.number(), leaves: z.number() }),
  run: ({ input }) =>
    plan((p) => {
      for (let n = 0; n < input.twigs; n++) p.task(twig, { leaves: input.leaves }, { key: `twig-${n}` });
    }),
});

export const bulky = worker("bulky", {
  input: z.object({ bytes: z.number() }),
  output: z.string(),
  run: ({ input }) => "x".repeat(input.bytes),
});

export const measured = worker("measured", {
  input: z.object({ text: z.string() }),
  run: ({ input }) => input.text.length,
});

/** Many large outputs, of which one is looked at. */
export const bulk = worker("bulk", {
  input: z.object({ tasks: z.number(), bytes: z.number() }),
  run: ({ input: { tasks, bytes } }) =>
    plan((p) => {
      for (let n = 0; n < tasks; n++) p.task(bulky, { bytes }, { key: `bulky-${n}` });
      return p.task(measured, { text: p.task(bulky, { bytes }, { key: "last" }).output });
    }),
});

/** Takes anything, and leaves it. */
export const sink = worker("sink", { run: () => null });

/** Kills its process, until that is started with `MENDED=1`. */
export const deadly = worker("deadly", {
  run({ input }) {
    if (process.env.MENDED !== "1") process.kill(process.pid, "SIGKILL");
    return input;
  },
});

/** Takes a while, and returns its task. */
export const slow = worker("slow", {
  async run({ task }) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    return task;
  },
});

/** Blocks its process for as long as its input says, ms. */
export const blocking = worker("blocking", {
  input: z.object({ ms: z.number() }),
  run: ({ input }) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, input.ms),
});
