import { describe, expect, it } from "vitest";
import { RunReplay } from "../../src/actors/log/run-replay.ts";
import { ROOT } from "../../src/core/names.ts";
import { stateOf } from "../../src/fold/task-record.ts";
import { RunHistory } from "../../src/timeline/run-history.ts";
import { addressOf, FoldedRun, START_MS, submittedEvent } from "../support/folded-run.ts";
import { observe } from "./observed-run.ts";

const t = { type: "t" };
const stepsOf = (run: FoldedRun) =>
  observe(run).history.steps.map(({ event, run: own, tasks }) => [
    event,
    ...tasks.map(({ task, from, to, on, because }) => `${task} ${from}→${to} ${on}${because ? ` (${because})` : ""}`),
    ...own.map(({ from, to, on }) => `run ${from}→${to} ${on}`),
  ]);

describe("the steps of a run", () => {
  it("say for each event which machines moved, by which event of their charts, and which task's step led to it", () => {
    const run = new FoldedRun().plans(ROOT, { a: t, b: { ...t, needs: ["a"] } }, "b");
    run.returns("a").returns("b").ends();
    expect(stepsOf(run)).toEqual([
      ["submitted", "- blocked→ready ready"],
      ["result", "- ready→expanded planned", "a blocked→ready ready (-)"],
      ["result", "a ready→succeeded returned", "b blocked→ready ready (a)"],
      ["result", "b ready→succeeded returned", "- expanded→succeeded met (b)", "run running→concluding rootSucceeded"],
      ["ended", "run concluding→succeeded ended"],
    ]);
  });

  it("name the failure behind everything that it took with it", () => {
    const run = new FoldedRun().plans(ROOT, { a: t, b: t, c: { ...t, needs: ["b"] } }).fails("a");
    expect(stepsOf(run).at(-1)).toEqual([
      "result",
      "a ready→failed attemptFailed",
      "- expanded→failed broken (a)",
      "b ready→cancelled cancel (-)",
      "c blocked→cancelled cancel (b)",
      "run running→concluding rootFailed",
    ]);
  });

  it("are empty for an event that no longer means anything", () => {
    const run = new FoldedRun().returns(ROOT).returns(ROOT, "late", 1);
    expect(stepsOf(run).at(-1)).toEqual(["result"]);
  });
});

describe("time travel", () => {
  const run = new FoldedRun().plans(ROOT, { a: t, b: { ...t, needs: ["a"] } });
  run.returns("a").returns("b").ends();
  const { history } = observe(run);
  const statesAt = (sequence: number) =>
    Object.fromEntries([...history.stateAt(sequence).tasks.values()].map((task) => [task.id, stateOf(task)]));

  it("shows the run as it stood after any event", () => {
    expect(statesAt(1)).toEqual({ [ROOT]: "ready" });
    expect(statesAt(2)).toEqual({ [ROOT]: "expanded", a: "ready", b: "blocked" });
    expect(statesAt(3)).toEqual({ [ROOT]: "expanded", a: "succeeded", b: "ready" });
  });

  it("finds the event by its sequence or by a time", () => {
    expect(history.stepAt({ sequence: 3 })?.sequence).toBe(3);
    expect(history.stepAt({ timeMs: START_MS + 1 })?.sequence).toBe(2);
    expect(history.stepAt({})?.event).toBe("ended");
    expect(history.stepAt({ timeMs: START_MS - 1 })).toBeUndefined();
  });
});

it("a history begins again with what a `carried` has brought back", () => {
  const history = new RunHistory();
  const replay = new RunReplay(addressOf(), history);
  const first = submittedEvent();
  const plan = { v: 1, results: [{ task: ROOT, attempt: 1, plan: { v: 1, tasks: { a: t } } }] };
  const events = [
    { event: "submitted", sequence: 1, at: START_MS, body: first.body },
    { event: "result", sequence: 2, at: START_MS + 1, body: plan },
  ];
  const original = { sequence: 1, at: START_MS };
  replay.take(0, { ...first, sequence: 5, at: START_MS + 5, body: { ...first.body, original } });
  replay.take(0, { kind: "carried", sequence: 6, at: START_MS + 6, body: { v: 2, upTo: 5, events } });
  expect(history.steps.map(({ sequence }) => sequence)).toEqual([1, 2]);
});
