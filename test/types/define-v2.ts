/**
 * What must compile of plans of version 2, and, after `@ts-expect-error`, what must not: compiled by `define.test.ts`, never
 * run.
 */
import { expectTypeOf } from "vitest";
import { z } from "zod";
import { plan } from "../../src/define/plan.ts";
import type { PlanOf } from "../../src/define/plan-of.ts";
import type { Outcome, Stats } from "../../src/define/planned-types.ts";
import type { Out, Ref } from "../../src/define/reference.ts";
import { task } from "../../src/define/task.ts";
import { cel, orElse } from "../../src/define/words.ts";

const split = task("split", { output: z.object({ parts: z.array(z.object({ text: z.string() })), size: z.number() }) });
const score = task("score", {
  input: z.object({ text: z.string() }),
  output: z.object({ score: z.number(), note: z.string().optional() }),
});

export const maps = plan((p) => {
  const { output } = p.task(split, {});
  const all = p.map(score, { in: output.parts }, (item, index) => {
    expectTypeOf(item.text).toEqualTypeOf<Out<string>>();
    expectTypeOf(index).toEqualTypeOf<Out<number>>();
    return { text: item.text };
  });
  expectTypeOf(all.output[0]!.score).toEqualTypeOf<Out<number>>();
  const settled = p.map(score, { in: output.parts, join: "settled" }, ({ text }) => ({ text }));
  expectTypeOf(settled.output[0]!.state).toEqualTypeOf<Out<string>>();
  const stats = p.map(score, { in: output.parts, reduce: { stats: "/score" } }, ({ text }) => ({ text }));
  expectTypeOf(stats.output).toEqualTypeOf<Out<Stats>>();
  const counted = p.map(score, { in: output.parts, reduce: "count" }, ({ text }) => ({ text }));
  expectTypeOf(counted.output).toEqualTypeOf<Out<number>>();
  const combined = p.map(score, { in: output.parts, reduce: { type: split, width: 5 } }, ({ text }) => ({ text }));
  expectTypeOf(combined.output.size).toEqualTypeOf<Out<number>>();
  const batched = p.map("batch", { in: ["a", "b"], batch: 2 }, (items) => {
    expectTypeOf(items[0]!).toExtend<Ref<string>>();
    return items;
  });
  expectTypeOf(batched.output).toEqualTypeOf<Out<readonly unknown[]>>();
  p.map(score, { in: { part: output.parts, n: [1, 2] } }, (item) => {
    expectTypeOf(item.n).toExtend<Ref<number>>();
    return { text: item.part.text };
  });
  const inner = p.mapPlan({ in: output.parts }, (q, item) => q.task(score, { text: item.text }));
  expectTypeOf(inner.output[0]!.score).toEqualTypeOf<Out<number>>();

  // @ts-expect-error a number cannot be mapped over
  p.map(score, { in: output.size }, () => ({ text: "" }));
  // @ts-expect-error nor can text
  p.map(score, { in: "text" }, () => ({ text: "" }));
  // @ts-expect-error an item is no text
  p.map(score, { in: output.parts }, (item) => ({ text: item }));
  // @ts-expect-error no such reducer
  p.map(score, { in: output.parts, reduce: "mean" }, ({ text }) => ({ text }));
  // @ts-expect-error no such option
  p.map(score, { in: output.parts, concurency: 5 }, ({ text }) => ({ text }));
  return { mean: orElse(stats.output.mean, 0), n: counted.output };
});
expectTypeOf(maps).toEqualTypeOf<PlanOf<{ readonly mean: number | null | 0; readonly n: number }>>();

export const options = plan((p) => {
  const one = p.task(score, { text: "" }, { when: cel`${p.task(split, {}).output.size} > 1`, optional: true });
  expectTypeOf(one.outcome).toEqualTypeOf<Out<Outcome<{ score: number; note?: string | undefined }>>>();
  p.task(
    score,
    { text: "" },
    {
      join: { quorum: 1, within: "5s" },
      fallback: { value: 1 },
      compensate: (own) => ({ type: "u", input: own.score }),
    },
  );
  p.task(score, { text: orElse(one.output.note, "none") });

  // @ts-expect-error what may be absent, where text is wanted
  p.task(score, { text: one.output.note });
  // @ts-expect-error a default of another type
  p.task(score, { text: orElse(one.output.note, 5) });
  // @ts-expect-error no such join
  p.task(score, { text: "" }, { join: "most" });
  // @ts-expect-error a reference is no condition, an expression is
  p.task(score, { text: "" }, { when: one.output.score });
  // @ts-expect-error a fallback is a task or a value
  p.task(score, { text: "" }, { fallback: 5 });
  // @ts-expect-error a repetition ends
  p.task(score, { text: "" }, { repeat: { until: "true" } });
  // @ts-expect-error the output has no such field
  p.task(score, { text: "" }, { compensate: (own) => ({ type: "u", input: own.scroe }) });
});

export const waits = plan((p) => {
  const asked = p.wait({ signal: "ok", schema: z.object({ ok: z.boolean() }), within: "2d" });
  expectTypeOf(asked.output.ok).toEqualTypeOf<Out<boolean>>();
  p.wait({ for: "3d" });
  p.wait({ run: p.task<{ run: string }>("begin", {}).output.run });
  // @ts-expect-error nothing is waited for
  p.wait({});
  // @ts-expect-error a time has no answer
  p.wait({ for: "3d", schema: z.boolean() });
});

export const inner = plan((p) => {
  const whole = p.plan({ text: p.task(split, {}).output.parts[0]!.text, n: 5 }, (q, input) => {
    expectTypeOf(input.text).toExtend<Ref<string>>();
    return q.task(score, { text: input.text });
  });
  expectTypeOf(whole.output.score).toEqualTypeOf<Out<number>>();
  // @ts-expect-error the input has no such field
  p.plan({ text: "x" }, (q, input) => q.task(score, { text: input.txet }));
  p.finally(score, { text: "x" });
  // @ts-expect-error a number where text is wanted
  p.finally(score, { text: 5 });
  return whole;
});
expectTypeOf(inner).toEqualTypeOf<PlanOf<{ score: number; note?: string | undefined }>>();
