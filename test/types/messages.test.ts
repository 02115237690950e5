import { readdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type CompilerError, compile, REPOSITORY } from "../support/compile.ts";

const PRELUDE = `
import { z } from "zod";
import { plan, task, worker, type Tutti, type TuttiOptions } from "${REPOSITORY}/src/index.ts";
export declare const app: Tutti;
export const summarize = task("summarize", {
  input: z.object({ text: z.string(), words: z.number().optional() }),
  output: z.object({ summary: z.string(), cached: z.boolean(), by: z.string().optional() }),
});
export const merge = task("merge", { input: z.object({ parts: z.array(z.string()) }), output: z.string() });
export const all = { z, plan, task, worker, options: {} as TuttiOptions };
`;

const inPlan = (code: string) => `plan((p) => { const one = p.task(summarize, { text: "" }); ${code} });`;

/** A mistake, and what the compiler says of it: the code, and texts that its message has. */
const MISTAKES: Readonly<Record<string, readonly [code: string, error: string, ...texts: string[]]>> = {
  "a wrong field in a child's input": [
    inPlan("p.task(summarize, { text: 5 });"),
    "TS2322",
    "Type 'number' is not assignable to type 'In<string>'",
  ],
  "a missing field in a child's input": [
    inPlan("p.task(summarize, {});"),
    "TS2345",
    "'{}' is not assignable to parameter of type 'In<{ text: string; words?: number | undefined; }>'",
  ],
  "a misspelt field in a child's input": [
    inPlan('p.task(summarize, { text: "", wrods: 5 });'),
    "TS2353",
    "'wrods' does not exist in type 'In<{ text: string; words?: number | undefined; }>'",
  ],
  "a reference to another type": [
    inPlan("p.task(summarize, { text: one.output.cached });"),
    "TS2322",
    "Type 'Out<boolean>' is not assignable to type 'In<string>'",
  ],
  "a reference to what may be absent": [
    inPlan("p.task(summarize, { text: one.output.by });"),
    "TS2322",
    "Type 'Out<string | undefined>' is not assignable to type 'In<string>'",
  ],
  "a reference to a field that is not there": [
    inPlan("p.task(summarize, { text: one.output.sumary });"),
    "TS2551",
    "Property 'sumary' does not exist on type 'Out<{ summary: string;",
    "Did you mean 'summary'?",
  ],
  "a task where its output is meant": [
    inPlan("p.task(merge, { parts: [one] });"),
    "TS2322",
    "Type 'TaskHandle<{ summary: string;",
    "is not assignable to type 'In<string>'",
  ],
  "an unknown option of a task in a plan": [
    inPlan('p.task(summarize, { text: "" }, { timeuot: 5 });'),
    "TS2561",
    "'timeuot' does not exist in type 'PlannedTaskOptions<",
    "Did you mean to write 'timeout'?",
  ],
  "returning a reference from a plan": [
    "plan((p) => p.task(merge, { parts: [] }).output);",
    "TS2322",
    "Type 'Out<string>' is not assignable to type 'void | AnyTaskHandle | OutputTemplate'",
  ],
  "a plan that is made by a promise": [
    'plan(async (p) => p.task(summarize, { text: "" }));',
    "TS2322",
    "is not assignable to type 'void | AnyTaskHandle | OutputTemplate'",
  ],
  "a reference as a condition": [
    inPlan("if (one.output.cached) p.task(merge, { parts: [] });"),
    "TS2801",
    "This condition will always return true",
    "Out<boolean>' is always defined",
  ],
  "a reference before &&": [
    inPlan("one.output.cached && p.task(merge, { parts: [] });"),
    "TS2801",
    "This condition will always return true",
  ],
  "a reference before ?": [
    inPlan("return one.output.cached ? p.task(merge, { parts: [] }) : one;"),
    "TS2801",
    "This condition will always return true",
  ],
  "a reference that is compared": [
    inPlan('if (one.output.summary === "long") return one;'),
    "TS2367",
    "the types 'Out<string>' and 'string' have no overlap",
  ],
  "a reference that is awaited and used": [
    inPlan("const use = async (): Promise<string> => await one.output.summary; void use;"),
    "TS2322",
    "Type 'NoValueYet' is not assignable to type 'string'",
  ],
  "a handler that returns too little": [
    'worker(summarize, () => ({ summary: "" }));',
    "TS2322",
    "Property 'cached' is missing in type '{ summary: string; }'",
  ],
  "a handler in one with its contract that returns too little": [
    'worker("w", { output: z.object({ a: z.string(), b: z.string() }), run: () => ({ a: "" }) });',
    "TS2322",
    "Property 'b' is missing in type '{ a: string; }'",
  ],
  "a handler that returns a wrong field": [
    'worker("w", { output: z.object({ n: z.number() }), run: () => ({ n: "5" }) });',
    "TS2322",
    "Type 'string' is not assignable to type 'number'",
  ],
  "a handler that reads a field that is not there": [
    "worker(summarize, ({ input }) => ({ summary: input.txet, cached: true }));",
    "TS2339",
    "Property 'txet' does not exist on type '{ text: string; words?: number | undefined; }'",
  ],
  "an unknown option of a worker": [
    "worker(merge, { concurency: 4 }, () => '');",
    "TS2561",
    "'concurency' does not exist in type 'ContractWorkerOptions<undefined>'. Did you mean to write 'concurrency'?",
  ],
  "a result of a batch that is not a list": [
    "worker(merge, { batch: { size: 10 } }, () => 5);",
    "TS2322",
    "Type 'number' is not assignable to type 'Promise<readonly (Error | Returned<string, string>)[]> | readonly",
  ],
  "a wrong input of a run": [
    "void app.run(summarize, { text: 5 });",
    "TS2322",
    "Type 'number' is not assignable to type 'string'",
  ],
  "a missing input of a run": ["void app.submit(summarize, {});", "TS2741", "Property 'text' is missing in type '{}'"],
  "a field that a run's output has not": [
    'export const read = async () => (await (await app.submit(summarize, { text: "" })).result()).sumary;',
    "TS2551",
    "Property 'sumary' does not exist on type '{ summary: string;",
  ],
};

describe("the compiler's message", () => {
  let errors: CompilerError[];
  const names = Object.keys(MISTAKES);

  beforeAll(async () => {
    const mistakes = names.map((name, index) => [
      `mistake-${index}.ts`,
      `import { app, all, merge, summarize } from "./prelude.ts";\nconst { z, plan, task, worker } = all;\n` +
        `void [app, z, plan, task, worker, merge, summarize];\n${MISTAKES[name]![0]}\nexport {};\n`,
    ]);
    const installed = join(REPOSITORY, "node_modules");
    errors = await compile({
      extends: join(REPOSITORY, "tsconfig.json"),
      compilerOptions: {
        noUnusedLocals: false,
        rewriteRelativeImportExtensions: false,
        typeRoots: [join(installed, "@types")],
      },
      files: { "prelude.ts": PRELUDE, ...Object.fromEntries(mistakes) },
      modules: Object.fromEntries(readdirSync(installed).map((name) => [name, join(installed, name)])),
    });
  });

  it.each(names.map((name, index) => [name, index] as const))(
    "for %s is one, and says what is wrong",
    (name, index) => {
      const [, code, ...texts] = MISTAKES[name]!;
      const own = errors.filter(({ file }) => file === `mistake-${index}.ts`);
      expect(own).toHaveLength(1);
      expect(own[0]!.code).toBe(code);
      for (const text of texts) expect(own[0]!.message).toContain(text);
    },
  );

  it("is none where there is no mistake", () => {
    expect(errors.filter(({ file }) => !file.startsWith("mistake-"))).toEqual([]);
  });
});
