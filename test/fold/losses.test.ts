import { describe, expect, it } from "vitest";
import { attemptInRound, attemptOf } from "../../src/fold/task-record.ts";
import { viewTask } from "../../src/fold/view.ts";
import { FoldedRun } from "../support/folded-run.ts";

const begin = () => new FoldedRun({ policy: { retry: { attempts: 1 } } });
const lose = (folded: FoldedRun, worker: string, more: object = {}, attempt = attemptOf(folded.task("-"))) =>
  folded.append("lost", { v: 2, task: "-", attempt, worker, gone: true, alone: false, begun: true, ...more });
/** The worker is gone, and the next attempt has opened. */
const loseAndGoOn = (folded: FoldedRun, worker: string, more: object = {}) =>
  lose(folded, worker, more).passes("-", "backoff");

describe("an attempt that is lost with its worker", () => {
  it("is taken off the queue, and another one opens, which costs no attempt", () => {
    const folded = loseAndGoOn(begin(), "w1");
    expect(folded.effects.calls.filter((call) => / -@/.test(call))).toEqual(["open -@1", "withdraw -@1", "open -@2"]);
    expect(attemptInRound(folded.task("-"))).toBe(1);
    expect(folded.returns("-", 1).phase).toBe("concluding");
    expect(folded.outcome).toBe("succeeded");
  });

  it("is no longer open: what its worker says later changes nothing", () => {
    const folded = loseAndGoOn(begin(), "w1");
    folded.returns("-", 1, 1);
    lose(folded, "w1", {}, 1);
    expect(folded.states()).toEqual({ "-": "ready" });
    expect(viewTask(folded.task("-")).lost).toEqual({ times: 1, workers: ["w1"] });
  });

  it("is shown with the names of its workers, and how many there were", () => {
    const folded = begin();
    for (let i = 1; i <= 7; i++) loseAndGoOn(folded, `w${i}`);
    expect(viewTask(folded.task("-")).lost).toEqual({ times: 7, workers: ["w7", "w6", "w5", "w4", "w3"] });
  });

  it("stays open while its worker only does not answer, which is one loss with its end", () => {
    const folded = lose(begin(), "w1", { gone: false });
    expect(folded.states()).toEqual({ "-": "ready" });
    expect(viewTask(folded.task("-")).lost).toEqual({ times: 1, workers: ["w1"], silent: true });
    loseAndGoOn(folded, "w1");
    expect(viewTask(folded.task("-")).lost).toEqual({ times: 1, workers: ["w1"] });
    lose(folded, "w2", { gone: false });
    expect(folded.returns("-", 1).outcome).toBe("succeeded");
  });
});

describe("a task that loses its workers", () => {
  it("is poison when it has lost the third, and was alone there", () => {
    const folded = begin();
    loseAndGoOn(folded, "w1");
    loseAndGoOn(folded, "w2");
    lose(folded, "w3", { alone: true });
    expect(folded.states()).toEqual({ "-": "failed" });
    const message =
      "it has lost 3 workers (w3, w2, w1), and was the only task in the last of them: it seems to kill them";
    expect(folded.task("-").error).toEqual({ kind: "poison", message });
    expect([...folded.effects.queued]).toEqual([]);
  });

  it("is not while it has neighbours there, however often", () => {
    const folded = begin();
    for (let i = 1; i <= 20; i++) loseAndGoOn(folded, `w${i}`);
    expect(folded.returns("-", 1).outcome).toBe("succeeded");
  });

  it("has lost none where it had not begun", () => {
    const folded = begin();
    for (let i = 1; i <= 5; i++) loseAndGoOn(folded, `w${i}`, { begun: false });
    expect(viewTask(folded.task("-")).lost).toBeUndefined();
    expect(folded.returns("-", 1).outcome).toBe("succeeded");
  });

  it("is not by the first two, and not by a worker that only does not answer", () => {
    const folded = begin();
    for (const worker of ["w1", "w2"]) loseAndGoOn(folded, worker, { alone: true });
    lose(folded, "w3", { alone: true, gone: false });
    expect(folded.states()).toEqual({ "-": "ready" });
    lose(folded, "w3", { alone: true });
    expect(folded.states()).toEqual({ "-": "failed" });
  });

  it("has all its chances again after a redrive", () => {
    const folded = begin();
    for (const worker of ["w1", "w2"]) loseAndGoOn(folded, worker, { alone: true });
    lose(folded, "w3", { alone: true }).ends().redrive("-");
    expect(viewTask(folded.task("-")).lost).toBeUndefined();
    loseAndGoOn(folded, "w4", { alone: true });
    expect(folded.states()).toEqual({ "-": "ready" });
  });
});
