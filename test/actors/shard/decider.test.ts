import { expect, it } from "vitest";
import { Decider } from "../../../src/actors/shard/decider.ts";
import type { Decision } from "../../../src/core/event.ts";
import { createVirtualClock } from "../../../src/core/virtual-clock.ts";
import { FoldedRun } from "../../support/folded-run.ts";

/** A log that stores at once what it is given, and acknowledges nothing. */
function createSlowLog() {
  const clock = createVirtualClock();
  const runtime = { clock, bus: { maxPayload: 2 ** 20 }, blobs: { loadAll: async () => () => null } };
  const written: Decision[] = [];
  const writer = {
    write: (_run: unknown, _event: string, body: { readonly decisions: readonly Decision[] }) => {
      written.push(...body.decisions);
      return new Promise<void>(() => {});
    },
  };
  return { clock, written, decider: new Decider(runtime as never, writer as never) };
}

it("decides the next question of a task whose last answer is read back before it is acknowledged", async () => {
  const { clock, written, decider } = createSlowLog();
  const fallback = { type: "t", input: { $expr: "1 + 1" } };
  const run = new FoldedRun().plansV2("-", { tasks: { a: { type: "t", when: "input.none.n > 1", fallback } } });
  decider.decide(run.task("a"));
  await clock.settle();
  expect(written).toEqual([{ task: "a", attempt: 1, error: expect.stringContaining("when") }]);
  run.append("decided", { v: 2, decisions: written.splice(0) });
  expect(run.states("a")).toEqual({ a: "deciding" });
  decider.decide(run.task("a"));
  decider.decide(run.task("a"));
  await clock.settle();
  expect(written).toEqual([{ task: "a", attempt: 2, answers: { "1 + 1": 2 } }]);
});

it("checks the next round of a repetition whose last check is read back before it is acknowledged", async () => {
  const { clock, written, decider } = createSlowLog();
  const poll = { type: "t", repeat: { until: "poll > 1", times: 3 } };
  const run = new FoldedRun().plansV2("-", { tasks: { poll } }).returns("poll/0", 1);
  decider.decide(run.task("poll"));
  await clock.settle();
  run
    .append("decided", { v: 2, decisions: written.splice(0) })
    .passes("poll", "backoff")
    .returns("poll/1", 2);
  decider.decide(run.task("poll"));
  await clock.settle();
  expect(written).toEqual([{ task: "poll", attempt: 1, round: 1, answers: { "poll > 1": true } }]);
});
