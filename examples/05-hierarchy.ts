/** The children of a plan may return plans of their own. A task has succeeded when all tasks below it have. */
import { z } from "zod";
import { plan, tutti, worker } from "../src/index.ts";

const paragraph = worker("paragraph", {
  input: z.object({ about: z.string() }),
  output: z.string(),
  run: ({ input }) => `All about ${input.about}.`,
});

const join = worker("join", {
  input: z.object({ title: z.string(), parts: z.array(z.string()) }),
  output: z.string(),
  run: ({ input }) => `${input.title}: ${input.parts.join(" ")}`,
});

const chapter = worker("chapter", {
  input: z.object({ title: z.string(), subjects: z.array(z.string()) }),
  output: z.string(),
  run: ({ input }) =>
    plan((p) => {
      const parts = input.subjects.map((about) => p.task(paragraph, { about }, { key: about }).output);
      return p.task(join, { title: input.title, parts });
    }),
});

const book = worker("book", {
  run: () =>
    // Without a returned task, the output is an object of all the children's outputs by key.
    plan((p) => {
      p.task(chapter, { title: "Strings", subjects: ["violin", "cello"] }, { key: "first" });
      p.task(chapter, { title: "Winds", subjects: ["flute", "oboe"] }, { key: "second" });
    }),
});

await using app = await tutti({ workers: [book, chapter, paragraph, join] });
const run = await app.submit(book, {});
console.log(await run.result());
for (const { task, type, state } of (await run.get()).tasks) console.log(`${task}  ${type}  ${state}`);
