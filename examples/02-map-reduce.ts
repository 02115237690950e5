/** One child an item, and a reducer that needs them all. The references are typed, and they make the dependency. */
import { z } from "zod";
import { plan, tutti, worker } from "../src/index.ts";

const countWords = worker("count-words", {
  input: z.object({ text: z.string() }),
  output: z.object({ words: z.int() }),
  run: ({ input }) => ({ words: input.text.split(/\s+/).filter(Boolean).length }),
});

const sum = worker("sum", {
  input: z.object({ numbers: z.array(z.number()) }),
  output: z.object({ total: z.number() }),
  run: ({ input }) => ({ total: input.numbers.reduce((total, number) => total + number, 0) }),
});

const countAll = worker("count-all", {
  input: z.object({ texts: z.array(z.string()) }),
  output: z.object({ total: z.number() }),
  run: ({ input }) =>
    plan((p) => {
      const parts = input.texts.map((text, i) => p.task(countWords, { text }, { key: `part-${i}` }));
      return p.task(sum, { numbers: parts.map((part) => part.output.words) });
    }),
});

await using app = await tutti({ workers: [countAll, countWords, sum] });
const { total } = await app.run(countAll, { texts: ["one two three", "four five", "six"] });
console.log(`${total} words`);
