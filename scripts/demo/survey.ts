import { z } from "zod";
import { task } from "../../src/index.ts";

/** The contracts of a survey of water levels, which the demo's processes share. */
export const survey = task("survey", {
  input: z.object({ stations: z.int() }),
  output: z.object({ stations: z.int(), mean: z.number() }),
});
export const measure = task("measure", {
  input: z.object({ station: z.int() }),
  output: z.object({ level: z.number() }),
});
export const summarize = task("summarize", {
  input: z.object({ levels: z.array(z.number()) }),
  output: z.object({ stations: z.int(), mean: z.number() }),
});

/** The time without a word from its worker after which a task is given to another. */
export const ACK_WAIT_MS = 2000;
