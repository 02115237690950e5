/**
 * Map and reduce over files: one child per file, and a reducer that needs them all. The references are typed and define
 * the dependencies. The handlers open the files; `files` is the folder that they may read.
 */
import { readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { plan, tutti, worker } from "../src/index.ts";

const countWords = worker("count-words", {
  input: z.object({ file: z.string() }),
  output: z.object({ words: z.int() }),
  run: async ({ input, openFile }) => {
    const text = new TextDecoder().decode(await openFile(input.file));
    return { words: text.split(/\s+/).filter(Boolean).length };
  },
});

const sum = worker("sum", {
  input: z.object({ numbers: z.array(z.number()) }),
  output: z.object({ total: z.number() }),
  run: ({ input }) => ({ total: input.numbers.reduce((total, number) => total + number, 0) }),
});

const countAll = worker("count-all", {
  input: z.object({ files: z.array(z.string()) }),
  output: z.object({ total: z.number() }),
  run: ({ input }) =>
    plan((p) => {
      const parts = input.files.map((file, i) => p.task(countWords, { file }, { key: `file-${i}` }));
      return p.task(sum, { numbers: parts.map((part) => part.output.words) });
    }),
});

const folder = fileURLToPath(new URL("documents", import.meta.url));
const files = (await readdir(folder)).filter((name) => /\.(txt|md)$/.test(name)).sort();
await using app = await tutti({ workers: [countAll, countWords, sum], files: folder });
const { total } = await app.run(countAll, { files });
console.log(`${total} words in ${files.length} files`);
