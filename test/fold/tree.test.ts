import { describe, expect, it } from "vitest";
import { ROOT } from "../../src/core/names.ts";
import { refsOf, soleOutput } from "../../src/fold/outputs.ts";
import { FoldedRun } from "../support/folded-run.ts";

const t = { type: "t" };
const ref = (text: string) => ({ $ref: text });

describe("a run", () => {
  it("goes from a request to its output", () => {
    const run = new FoldedRun({ input: "hello" });
    expect(run.effects.take()).toEqual(["open -@1"]);
    run.returns(ROOT, "world");
    expect(run.effects.take()).toEqual(["close -@1", "conclude"]);
    run.ends();
    expect(run.effects.take()).toEqual(["ended"]);
    expect(run.phase).toBe("succeeded");
    expect(run.output()).toBe("world");
    expect(run.totals).toEqual({ tasks: 1, succeeded: 1, failed: 0, cancelled: 0, executions: 1 });
  });
});

describe("a plan", () => {
  it("puts on the queue what needs nothing, and the rest when all that it needs or refers to has succeeded", () => {
    const run = new FoldedRun();
    run.effects.take();
    run.plans(ROOT, {
      a: t,
      b: t,
      c: { ...t, needs: ["a"], input: { x: [ref("b#/deep"), ref("a")] } },
      d: { ...t, needs: ["c"] },
    });
    expect(run.effects.take()).toEqual(["close -@1", "open a@1", "open b@1"]);
    run.returns("a");
    expect(run.effects.take()).toEqual(["close a@1"]);
    run.returns("b", { deep: 1 });
    expect(run.effects.take()).toEqual(["close b@1", "open c@1"]);
    run.returns("d", "forged").returns("c").returns("d");
    expect(run.outcome).toBe("succeeded");
  });

  it("gives the output of the task that it names", () => {
    const run = new FoldedRun().plans(ROOT, { a: t, b: t }, "b").returns("a", 1).returns("b", 2);
    expect(run.output()).toBe(2);
    expect(run.task("a").output).toBeUndefined();
  });

  it("gives all outputs by key, in its own order, where it names none", () => {
    const run = new FoldedRun().plans(ROOT, { a: t, b: t }).returns("b", 2).returns("a", 1);
    expect(JSON.stringify(run.output())).toBe('{"a":1,"b":2}');
  });

  it("may be a child's, and its output is then the child's", () => {
    const run = new FoldedRun().plans(ROOT, { a: t, b: { ...t, input: ref("a") } }, "b");
    run.plans("a", { x: t, y: t }, "y").plans("a/y", { z: t });
    run.returns("a/x").returns("a/y/z", "deep");
    expect(run.states("a", "b")).toEqual({ a: "succeeded", b: "ready" });
    expect(run.output("a")).toEqual({ z: "deep" });
    run.returns("b", "end");
    expect(run.output()).toBe("end");
    expect(run.totals).toEqual({ tasks: 6, succeeded: 6, failed: 0, cancelled: 0, executions: 6 });
  });

  it("may be empty: then the task has succeeded with an empty object, and what needs it goes on", () => {
    const run = new FoldedRun().plans(ROOT, { a: t, b: { ...t, needs: ["a"] } }).plans("a", {});
    expect(run.states("a", "b")).toEqual({ a: "succeeded", b: "ready" });
    expect(run.output("a")).toEqual({});
    expect(new FoldedRun().plans(ROOT, {}).outcome).toBe("succeeded");
  });

  it("that is refused fails its task for good, saying why", () => {
    const run = new FoldedRun().plans(ROOT, { a: { ...t, needs: ["b"] }, b: { ...t, needs: ["a"] } });
    expect(run.states()).toEqual({ [ROOT]: "failed" });
    expect(run.task(ROOT).error).toMatchObject({ kind: "terminal", message: expect.stringContaining("a → b → a") });
  });

  it("whose blob is gone fails its task for good", () => {
    const run = new FoldedRun().results({ task: ROOT, attempt: 1, planRef: "blob-1" });
    expect(run.task(ROOT).error?.message).toBe("the plan's blob blob-1 is gone");
  });

  it("ends the attempt: nothing that its worker says later counts", () => {
    const run = new FoldedRun().plans(ROOT, { a: t });
    run.returns(ROOT, "late").fails(ROOT, { kind: "retryable" }).plans(ROOT, { other: t });
    expect(run.states()).toEqual({ [ROOT]: "expanded", a: "ready" });
  });
});

describe("an output", () => {
  it("leaves memory when all that need it have returned", () => {
    const run = new FoldedRun().plans(
      ROOT,
      { a: t, b: { ...t, input: ref("a") }, c: { ...t, needs: ["a"] }, d: t },
      "d",
    );
    run.returns("a", "big").returns("b");
    expect(run.output("a")).toBe("big");
    run.fails("c", { kind: "retryable" });
    expect(run.output("a")).toBe("big");
    run.passes("c", "backoff").plans("c", {});
    expect(run.task("a").output).toBeUndefined();
  });

  it("is not kept in parts where nobody needs the whole", () => {
    const run = new FoldedRun().plans(ROOT, { a: t, end: t }, "end").plans("a", { x: t, y: { ...t, needs: ["x"] } });
    run.returns("a/x", "needed by y");
    expect(run.output("a/x")).toBe("needed by y");
    run.returns("a/y", "needed by nobody");
    expect([run.task("a/x").output, run.task("a/y").output]).toEqual([undefined, undefined]);
  });

  it("may be a reference, and stays one", () => {
    const run = new FoldedRun()
      .plans(ROOT, { a: t, b: t })
      .results({ task: "a", attempt: 1, outputRef: "blob-1" })
      .returns("b");
    expect([...refsOf(run.task(ROOT))]).toEqual(["blob-1"]);
    expect(soleOutput(run.task(ROOT))).toBeUndefined();
    expect(soleOutput(run.task("a"))).toEqual({ ref: "blob-1" });
  });
});
