/**
 * What must compile, and, after `@ts-expect-error`, what must not: compiled by `define.test.ts`, never run.
 */
import { expectTypeOf } from "vitest";
import { z } from "zod";
import type { Tutti } from "../../src/app.ts";
import { type PlanBuilder, plan } from "../../src/define/plan.ts";
import type { PlanOf } from "../../src/define/plan-of.ts";
import type { TaskHandle } from "../../src/define/planned-options.ts";
import type { In, Out, Ref } from "../../src/define/reference.ts";
import { type Task, type TaskInput, type TaskOutput, task } from "../../src/define/task.ts";
import { type Worker, worker } from "../../src/define/worker.ts";

const summarize = task("summarize", {
  input: z.object({ text: z.string(), words: z.number().default(50), mode: z.enum(["short", "long"]).optional() }),
  output: z.object({ summary: z.string(), cached: z.boolean(), by: z.object({ name: z.string() }).optional() }),
  timeout: "30s",
  retry: { attempts: 3, backoff: "exponential" },
});
const merge = task("merge", {
  input: z.object({ summaries: z.array(z.string()), strict: z.boolean().optional() }),
  output: z.object({ text: z.string(), parts: z.array(z.object({ title: z.string() })) }),
});
const anything = task("anything");

export function contracts(app: Tutti) {
  expectTypeOf<TaskInput<typeof summarize>>().toEqualTypeOf<{
    text: string;
    words?: number | undefined;
    mode?: "short" | "long" | undefined;
  }>();
  expectTypeOf<TaskOutput<typeof merge>>().toEqualTypeOf<{ text: string; parts: { title: string }[] }>();
  expectTypeOf(app.run(merge, { summaries: [] })).resolves.toEqualTypeOf<TaskOutput<typeof merge>>();
  // @ts-expect-error a number is no text
  app.run(summarize, { text: 5 });
  // @ts-expect-error the text is missing
  app.submit(summarize, {});
  // @ts-expect-error no such option
  task("x", { retries: 3 });
  // @ts-expect-error no such backoff
  task("x", { retry: { backoff: "wild" } });
  // @ts-expect-error a type of JavaScript is no schema
  task("x", { input: { text: "string" } });
}

export const inputs = plan((p) => {
  const one = p.task(summarize, { text: "literal" });
  expectTypeOf(one).toEqualTypeOf<TaskHandle<TaskOutput<typeof summarize>>>();
  // Values, references, and values with references inside.
  p.task(merge, { summaries: ["a", one.output.summary], strict: one.output.cached });
  p.task(merge, { summaries: [one].map((part) => part.output.summary) });
  p.task(summarize, { text: "x", words: 5, mode: "long" }, { key: "x", needs: [one], priority: "low", timeout: 500 });
  p.task(summarize, { text: "x", mode: undefined });

  // @ts-expect-error a number where text is wanted
  p.task(summarize, { text: 5 });
  // @ts-expect-error a required field is missing
  p.task(summarize, {});
  // @ts-expect-error an unknown field
  p.task(summarize, { text: "x", txet: "y" });
  // @ts-expect-error not one of the modes
  p.task(summarize, { text: "x", mode: "medium" });
  // @ts-expect-error a reference to a boolean where text is wanted
  p.task(summarize, { text: one.output.cached });
  // @ts-expect-error a reference to text where an array is wanted
  p.task(merge, { summaries: one.output.summary });
  // @ts-expect-error a reference inside an array, to the wrong type
  p.task(merge, { summaries: ["a", one.output.cached] });
  // @ts-expect-error the placed task where its output is meant
  p.task(merge, { summaries: [one] });
  // @ts-expect-error what may be absent where it is required
  p.task(summarize, { text: one.output.by.name });
  // @ts-expect-error needs are placed tasks, not keys
  p.task(summarize, { text: "x" }, { needs: ["summarize"] });
  // @ts-expect-error no such option
  p.task(summarize, { text: "x" }, { retries: 3 });
});

export const fields = plan((p) => {
  const { output } = p.task(merge, { summaries: [] });
  // @ts-expect-error a field that does not exist
  output.txet;
  // @ts-expect-error a field of text
  output.text.length;
  // @ts-expect-error a method of an array: it has no items yet
  output.parts.map;
  // @ts-expect-error a field that items do not have
  output.parts[0].name;
  // @ts-expect-error .at() knows the fields too
  output.at("txet");
  expectTypeOf(output.parts[0]!.title).toEqualTypeOf<Out<string>>();
  expectTypeOf(output.at("parts")).toEqualTypeOf<Out<{ title: string }[]>>();
  return p.task(summarize, { text: output.parts[0]!.title });
});

export function shapes(p: PlanBuilder) {
  const flags = p.task(
    task("flags", { output: z.object({ on: z.boolean(), at: z.string(), maybe: z.boolean().optional() }) }),
    {},
  );
  // A boolean is not split into true and false.
  expectTypeOf(flags.output.on).toEqualTypeOf<Out<boolean>>();
  expectTypeOf(flags.output.on).toExtend<In<boolean>>();
  expectTypeOf<true>().toExtend<In<boolean>>();
  // What may be absent fails its run when it is, so no input takes it, where a field may be left out neither.
  expectTypeOf(flags.output.maybe).toEqualTypeOf<Out<boolean | undefined>>();
  expectTypeOf(flags.output.maybe).not.toExtend<In<boolean>>();
  expectTypeOf(flags.output.maybe).not.toExtend<In<boolean | undefined>>();
  expectTypeOf(flags.output.at("at")).toEqualTypeOf<Out<string>>();

  const union = p.task(
    task("union", {
      input: z.discriminatedUnion("kind", [
        z.object({ kind: z.literal("a"), a: z.string() }),
        z.object({ kind: z.literal("b"), b: z.number() }),
      ]),
      output: z.object({
        either: z.union([z.string(), z.number()]),
        nothing: z.null(),
        deep: z.object({ x: z.int() }).nullable(),
      }),
    }),
    { kind: "b", b: 5 },
  );
  expectTypeOf(union.output.either).toEqualTypeOf<Out<string | number>>();
  expectTypeOf(union.output.either).toExtend<In<string | number | boolean>>();
  expectTypeOf(union.output.either).not.toExtend<In<string>>();
  // A field of what may be null may be absent.
  expectTypeOf(union.output.deep.x).toEqualTypeOf<Out<number | undefined>>();

  const map = p.task(task("map", { output: z.record(z.string(), z.array(z.tuple([z.string(), z.number()]))) }), null);
  expectTypeOf(map.output.any![3]!).toEqualTypeOf<Out<[string, number]>>();

  // A date is not JSON: as an input it is not accepted, and a reference to one has no fields.
  const dated = task("dated", {
    input: z.object({ when: z.date() }),
    output: z.object({ when: z.date(), iso: z.iso.datetime() }),
  });
  // @ts-expect-error a Date would arrive as text
  p.task(dated, { when: new Date(0) });
  // @ts-expect-error nothing can be reached below a date
  p.task(anything, {}).output.when.getTime;
  p.task(task("iso", { input: z.object({ when: z.iso.datetime() }) }), { when: "2030-01-01T00:00:00Z" });
}

export const byName = plan((p) => {
  const unknown = p.task("elsewhere", { any: { thing: [1, null, p.task(summarize, { text: "" }).output] } });
  expectTypeOf(unknown).toEqualTypeOf<TaskHandle<unknown>>();
  // @ts-expect-error fields of the unknown
  unknown.output.x;
  // @ts-expect-error the unknown where text is wanted
  p.task(summarize, { text: unknown.output });
  // Whoever knows better says so.
  const stated = p.task<{ text: string }>("elsewhere", {});
  return p.task(summarize, { text: stated.output.text });
});
expectTypeOf(byName).toEqualTypeOf<PlanOf<TaskOutput<typeof summarize>>>();

export function plans() {
  expectTypeOf(plan(() => undefined)).toEqualTypeOf<PlanOf<Record<string, unknown>>>();
  expectTypeOf(plan((p) => p.task(merge, { summaries: [] }))).toEqualTypeOf<PlanOf<TaskOutput<typeof merge>>>();
  // @ts-expect-error an output in place of its task
  plan((p) => p.task(merge, { summaries: [] }).output);
  // @ts-expect-error many tasks in place of one
  plan((p) => [p.task(merge, { summaries: [] })]);
  // @ts-expect-error a plan is made at once
  plan(async (p) => p.task(merge, { summaries: [] }));
}

export function handlers() {
  expectTypeOf(worker(merge, ({ input }) => ({ text: input.summaries.join(), parts: [] }))).toEqualTypeOf<
    Worker<typeof merge.input, typeof merge.output>
  >();
  worker(summarize, { concurrency: 4 }, async ({ input, llm, signal, attempt, needs }) => {
    expectTypeOf(input).toEqualTypeOf<{ text: string; words: number; mode?: "short" | "long" | undefined }>();
    expectTypeOf(attempt).toEqualTypeOf<number>();
    expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
    return { summary: `${needs.before} ${await llm.text(input.text, { signal })}`, cached: false };
  });
  // @ts-expect-error the output lacks a field
  worker(summarize, () => ({ summary: "" }));
  // @ts-expect-error the output has a field of the wrong type
  worker(summarize, async () => ({ summary: 5, cached: true }));
  // @ts-expect-error nothing is returned
  worker(summarize, () => {});
  // @ts-expect-error no such field in the input
  worker(summarize, ({ input }) => ({ summary: input.txet, cached: true }));
  // @ts-expect-error no such option
  worker(summarize, { concurency: 4 }, () => ({ summary: "", cached: true }));

  // A plan may be returned in place of the value, when its output is of the same type.
  worker(merge, () => plan((p) => p.task(merge, { summaries: [] })));
  worker(merge, async ({ input }) =>
    input.summaries.length > 0 ? plan((p) => p.task(merge, { summaries: [] })) : { text: "", parts: [] },
  );
  // @ts-expect-error a plan with an output of another type
  worker(merge, () => plan((p) => p.task(summarize, { text: "" })));
  // @ts-expect-error the outputs of all children, where one is wanted
  worker(merge, () => plan((p) => void p.task(merge, { summaries: [] })));

  const inOne = worker("in-one", {
    input: z.object({ n: z.coerce.number<string>() }),
    output: z.object({ n: z.string().transform(Number) }),
    concurrency: 2,
    run: ({ input }) => {
      expectTypeOf(input.n).toEqualTypeOf<number>();
      return { n: String(input.n) };
    },
  });
  // A worker is its contract: what goes in is what the schema takes, what comes out is what it gives.
  plan((p) => {
    expectTypeOf(p.task(inOne, { n: "5" }).output.n).toEqualTypeOf<Out<number>>();
    // @ts-expect-error the handler's number, where its schema takes text
    p.task(inOne, { n: 5 });
  });
  // @ts-expect-error the handler must return what the schema takes
  worker("in-one", { output: z.object({ n: z.string() }), run: () => ({ n: 5 }) });
  // @ts-expect-error there is no handler
  worker("in-one", { output: z.unknown() });
  expectTypeOf(worker("loose", { run: ({ input }) => input })).toExtend<Task>();

  // A task that plans itself, through its contract.
  const halve = task("halve", { input: z.object({ n: z.number() }), output: z.number() });
  const halver = worker(halve, ({ input }) => (input.n < 2 ? input.n : plan((p) => p.task(halve, { n: input.n / 2 }))));
  const list: readonly Worker[] = [halver, inOne];
  return list;
}

export function variance(text: Ref<string>, literal: Ref<"a">, wide: Ref<string | number>) {
  expectTypeOf(literal).toExtend<Ref<string>>();
  expectTypeOf(text).toExtend<In<string | number>>();
  expectTypeOf(wide).not.toExtend<In<string>>();
}
