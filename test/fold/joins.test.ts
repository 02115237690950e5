import { describe, expect, it } from "vitest";
import { ROOT } from "../../src/core/names.ts";
import { FoldedRun } from "../support/folded-run.ts";

const t = { type: "t" };
const ref = (text: string, fallback?: null) => ({ $ref: text, ...(fallback === null && { default: null }) });
const planned = (plan: Parameters<FoldedRun["plansV2"]>[1]) => new FoldedRun().plansV2(ROOT, plan);
const needing = (join: object | string, ...needs: string[]) => ({ ...t, needs, join: join as "all" });

describe("a join over what a task needs", () => {
  const two = (join: object | string) => planned({ tasks: { a: t, b: t, c: needing(join, "a", "b") }, output: "c" });

  it("asks for all, where it says nothing", () => {
    const run = planned({ tasks: { a: t, b: t, c: { ...t, needs: ["a", "b"] } } }).returns("a");
    expect(run.states("c")).toEqual({ c: "blocked" });
    expect(run.returns("b").states("c")).toEqual({ c: "ready" });
  });

  it("starts when all are settled, however they came out", () => {
    const run = two("settled").fails("a");
    expect(run.states()).toEqual({ [ROOT]: "expanded", a: "failed", b: "ready", c: "blocked" });
    run.returns("b").returns("c", 3);
    expect(run.outcome).toBe("succeeded");
    expect(run.output()).toBe(3);
  });

  it("breaks above the failures that it tolerates", () => {
    const run = two({ settled: { failures: 1 } }).fails("a");
    expect(run.states("c")).toEqual({ c: "blocked" });
    run.fails("b", { message: "both" });
    expect(run.states("c")).toEqual({ c: "failed" });
    expect(run.task("c")).toMatchObject({ failedAt: "b", error: { message: "both" } });
  });

  it("starts with the first, and abandons what nothing waits for any more", () => {
    const run = two("any");
    run.effects.take();
    run.returns("a");
    expect(run.states()).toEqual({ [ROOT]: "expanded", a: "succeeded", b: "abandoned", c: "ready" });
    expect(run.effects.take()).toEqual(["close a@1", "withdraw b@1", "open c@1"]);
    expect(run.totals).toMatchObject({ succeeded: 1, abandoned: 1 });
    // What an abandoned attempt comes to counts for nothing.
    run.returns("b", 1, 1).returns("c");
    expect(run.outcome).toBe("succeeded");
  });

  it("fails once a quorum cannot be reached any more, with the last failure as the cause", () => {
    const run = planned({ tasks: { a: t, b: t, c: t, d: needing({ quorum: 2 }, "a", "b", "c") } });
    run.fails("a").fails("b", { message: "too many" });
    expect(run.task("d").failedAt).toBe("b");
    // Nothing waits for it any more.
    expect(run.states("c", "d")).toEqual({ c: "abandoned", d: "failed" });
  });

  it("does not abandon what another task still waits for, or what the plan itself asks for", () => {
    const run = planned({ tasks: { a: t, b: t, c: needing("any", "a", "b"), d: { ...t, needs: ["b"] } } });
    expect(run.returns("a").states("b")).toEqual({ b: "ready" });
    const named = planned({ tasks: { a: t, b: t, c: needing("any", "a", "b") }, output: "b" });
    expect(named.returns("a").states("b")).toEqual({ b: "ready" });
  });

  it("abandons a whole chain that leads to nothing", () => {
    const run = planned({ tasks: { a: t, x: t, y: { ...t, needs: ["x"] }, c: needing("any", "a", "y") } });
    expect(run.returns("a").states("x", "y")).toEqual({ x: "abandoned", y: "abandoned" });
  });
});

describe("a failure", () => {
  it("passes along edges, and does not touch what does not need it", () => {
    const run = planned({ tasks: { a: t, b: { ...t, needs: ["a"] }, c: needing("settled", "b"), d: t } });
    run.fails("a");
    expect(run.states()).toEqual({ [ROOT]: "expanded", a: "failed", b: "failed", c: "ready", d: "ready" });
    run.returns("c").returns("d");
    expect(run.outcome).toBe("succeeded");
  });

  it("breaks the plan when it comes to a task that nobody needs, and cancels the rest", () => {
    const run = planned({ tasks: { a: t, b: { ...t, needs: ["a"] }, c: t } }).fails("a", { message: "no" });
    expect(run.states()).toEqual({ [ROOT]: "failed", a: "failed", b: "failed", c: "cancelled" });
    expect(run.task(ROOT)).toMatchObject({ failedAt: "a", error: { message: "no" } });
  });

  it("breaks the plan when it is that of a task which the output needs", () => {
    const run = planned({ tasks: { a: t, b: needing("settled", "a") }, output: "a" }).fails("a");
    expect(run.outcome).toBe("failed");
  });

  it("is neutral where it is optional", () => {
    const run = planned({ tasks: { a: { ...t, optional: true }, b: { ...t, input: { a: ref("a", null) } } } }).fails(
      "a",
    );
    expect(run.states("b")).toEqual({ b: "ready" });
    run.returns("b");
    expect(run.outcome).toBe("succeeded");
    expect(run.totals).toMatchObject({ failed: 1, succeeded: 2 });
  });

  it("passes along a chain of any length in one event", () => {
    const keys = Array.from({ length: 20_000 }, (_, i) => `k${i}`);
    const tasks = Object.fromEntries(keys.map((key, i) => [key, i === 0 ? t : { ...t, needs: [`k${i - 1}`] }]));
    const run = planned({ tasks }).fails("k0");
    expect(run.outcome).toBe("failed");
    expect(run.totals).toMatchObject({ failed: 20_001 });
  });
});

describe("a skip", () => {
  const branch = (join?: "settled") =>
    planned({ tasks: { a: t, b: { ...t, when: "a > 1" }, c: { ...t, needs: ["b"], ...(join && { join }) }, d: t } });

  it("is decided in the log, once what the condition names is there", () => {
    const run = branch();
    expect(run.states("b")).toEqual({ b: "blocked" });
    run.effects.take();
    run.returns("a", 2);
    expect(run.states("b")).toEqual({ b: "deciding" });
    expect(run.effects.take()).toEqual(["close a@1", "decide b@1"]);
    run.decides("b", true);
    expect(run.states("b")).toEqual({ b: "ready" });
  });

  it("spreads to what needs all, and leaves the plan to succeed with the rest", () => {
    const run = branch().returns("a", 0).decides("b", false);
    expect(run.states("b", "c")).toEqual({ b: "skipped", c: "skipped" });
    run.returns("d", 4);
    expect(run.outcome).toBe("succeeded");
    expect(run.output()).toEqual({ a: 0, d: 4 });
    expect(run.totals).toMatchObject({ skipped: 2 });
  });

  it("is borne by what says so", () => {
    expect(branch("settled").returns("a").decides("b", false).states("c")).toEqual({ c: "ready" });
    const run = planned({ tasks: { b: { ...t, when: "false" }, c: { ...t, input: ref("b", null) } } });
    expect(run.decides("b", false).states("c")).toEqual({ c: "ready" });
  });

  it("is the end of a task under any whose needs are all skipped", () => {
    const run = planned({
      tasks: { a: { ...t, when: "false" }, b: { ...t, when: "false" }, c: needing("any", "a", "b"), d: t },
    });
    run.decides("a", false).decides("b", false);
    expect(run.states("c")).toEqual({ c: "skipped" });
  });

  it("is not made of an answer that is neither true nor false, or of an error", () => {
    const run = branch("settled").returns("a").decides("b", "yes");
    expect(run.task("b").error).toMatchObject({ message: 'when: expected true or false, received "yes"' });
    const other = branch("settled").returns("a").decides("b", new Error("no such field"));
    expect(other.task("b").error).toMatchObject({ message: "no such field" });
  });

  it("counts once, for the attempt that was asked", () => {
    const run = branch().returns("a").decides("b", true).decides("b", false);
    expect(run.states("b")).toEqual({ b: "ready" });
  });
});

describe("a join over a plan's sinks", () => {
  it("is met by any of them, and abandons the rest once the run concludes", () => {
    const run = planned({ tasks: { a: t, b: t, c: { ...t, needs: ["b"] } }, join: "any" });
    run.effects.take();
    run.returns("a", 1);
    expect(run.outcome).toBe("succeeded");
    expect(run.effects.take()).toEqual(["close a@1", "conclude", "withdraw b@1"]);
    expect(run.output()).toEqual({ a: 1 });
    expect(run.totals).toMatchObject({ tasks: 4, succeeded: 2, abandoned: 2 });
  });

  it("bears failures up to its tolerance", () => {
    const run = planned({ tasks: { a: t, b: t, c: t }, join: { settled: { failures: "50%" } } });
    run.fails("a").returns("b", 2).returns("c", 3);
    expect(run.outcome).toBe("succeeded");
    expect(run.output()).toEqual({ b: 2, c: 3 });
  });

  it("waits for what the output must have", () => {
    const run = planned({ tasks: { a: t, b: t }, join: "any", output: { b: ref("b") } }).returns("a", 1);
    expect(run.outcome).toBeUndefined();
    expect(run.returns("b", 2).output()).toEqual({ b: 2 });
    const content = planned({ tasks: { a: t, b: t }, join: "any", output: { b: ref("b", null) } }).returns("a", 1);
    expect(content.output()).toEqual({ b: null });
  });

  it("is skipped when what the output must have turns out to be skipped as a whole", () => {
    const skipped = { tasks: { x: { ...t, when: "false" } }, join: "any" } as const;
    const run = planned({ tasks: { a: t, b: t }, output: "a" });
    run.plansV2("a", skipped).decides("a/x", false);
    expect(run.states("a", "b", "-")).toEqual({ a: "skipped", b: "abandoned", "-": "skipped" });
    expect(run.outcome).toBe("succeeded");
  });

  it("of an empty plan is met at once", () => {
    expect(planned({ tasks: {} }).outcome).toBe("succeeded");
  });

  it("costs constant work for each of 50,000", () => {
    const tasks = Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`k${i}`, t]));
    const run = planned({ tasks, join: { quorum: "100%" } });
    const began = performance.now();
    run.results(...Object.keys(tasks).map((task) => ({ task, attempt: 1, output: 1 })));
    expect(run.outcome).toBe("succeeded");
    // A second for what takes some 50 ms: quadratic work would take minutes.
    expect(performance.now() - began).toBeLessThan(5000);
  });
});

describe("a join that may take so long", () => {
  const within = 1000;

  it("counts from when the first of what it joins can start", () => {
    const run = planned({
      tasks: {
        z: t,
        a: { ...t, needs: ["z"] },
        b: { ...t, needs: ["z"] },
        c: needing({ all: true, within }, "a", "b"),
      },
    });
    expect(run.effects.armed.has("within c")).toBe(false);
    run.wait(500).returns("z");
    expect(run.effects.armed.get("within c")).toBe(run.nowMs + within);
    run.returns("a").returns("b");
    expect(run.states("c")).toEqual({ c: "ready" });
    expect(run.effects.armed.size).toBe(0);
  });

  it("fails the task as a timeout where it asks for all, or for a quorum", () => {
    for (const join of [
      { all: true, within },
      { quorum: 2, within },
    ]) {
      const run = planned({ tasks: { a: t, b: t, c: needing(join, "a", "b"), d: needing("settled", "c") } });
      run.returns("a").passes("c", "within");
      expect(run.states("b", "c", "d")).toEqual({ b: "abandoned", c: "failed", d: "ready" });
      expect(run.task("c").error).toMatchObject({ name: "timeout" });
    }
  });

  it("starts the task with what is settled by then, where that is what it asks for", () => {
    const run = planned({ tasks: { a: t, b: t, c: needing({ settled: true, within }, "a", "b") } });
    run.returns("a").passes("c", "within");
    expect(run.states("b", "c")).toEqual({ b: "abandoned", c: "ready" });
  });

  it("ends a plan", () => {
    const settled = planned({ tasks: { a: t, b: t }, join: { settled: true, within } }).returns("a", 1);
    settled.passes(ROOT, "within");
    expect(settled.outcome).toBe("succeeded");
    expect(settled.output()).toEqual({ a: 1 });
    const all = planned({ tasks: { a: t, b: t }, join: { all: true, within } })
      .returns("a", 1)
      .passes(ROOT, "within");
    expect(all.outcome).toBe("failed");
    expect(all.states("b")).toEqual({ b: "cancelled" });
    expect(all.effects.armed.size).toBe(0);
  });

  it("is not over before the log says so", () => {
    const run = planned({ tasks: { a: t, b: t, c: needing({ all: true, within }, "a", "b") } });
    run.due("c", "within");
    expect(run.states("c")).toEqual({ c: "blocked" });
  });

  it("begins again when the run is redriven", () => {
    const run = planned({ tasks: { a: t, b: t, c: needing({ all: true, within }, "a", "b") } });
    run.returns("a").passes("c", "within").ends().redrive("c");
    expect(run.states("a", "b", "c")).toEqual({ a: "succeeded", b: "ready", c: "blocked" });
    expect(run.effects.armed.get("within c")).toBe(run.nowMs + within);
    run.returns("b").returns("c");
    expect(run.outcome).toBe("succeeded");
  });
});

describe("a plan inside a plan", () => {
  it("starts when its join is met, is given what its input says, and gives its output on", () => {
    const run = planned({
      tasks: {
        a: t,
        in: { input: { n: ref("a") }, plan: { tasks: { x: { ...t, input: ref("#/n") } }, output: "x" } },
        c: { ...t, input: ref("in") },
      },
    });
    run.returns("a", 5);
    expect(run.states("in", "in/x")).toEqual({ in: "expanded", "in/x": "ready" });
    expect(run.input("in/x")).toBe(5);
    run.returns("in/x", 6);
    expect(run.input("c")).toBe(6);
  });

  it("fails its task by its own cause", () => {
    const run = planned({ tasks: { in: { plan: { tasks: { x: t } } }, c: needing("settled", "in") } }).fails("in/x");
    expect(run.states("in", "c")).toEqual({ in: "failed", c: "ready" });
    expect(run.task("in").failedAt).toBe("in/x");
  });
});

describe("a plan that is sent", () => {
  const sent = (plan: object, input?: object) =>
    new FoldedRun({ type: "plan", input: { plan: { v: 2, ...plan }, ...(input && { input }) } as never });

  it("is carried out without a worker, and refers to the input beside it", () => {
    const run = sent({ tasks: { a: { ...t, input: ref("#/x") } } }, { x: 1 });
    expect(run.states()).toEqual({ [ROOT]: "expanded", a: "ready" });
    expect(run.input("a")).toBe(1);
  });

  it("fails the run when it is refused", () => {
    const run = sent({ tasks: { a: { ...t, needs: ["nobody"] } } });
    expect(run.outcome).toBe("failed");
    expect(run.task(ROOT).error?.message).toMatch(/the plan is refused: .*\/tasks\/a\/needs\/0/);
  });

  it("may be of version 1, and a task of a plan", () => {
    const run = planned({
      tasks: { in: { type: "plan", input: { plan: { tasks: { x: t } } } }, c: { ...t, needs: ["in"] } },
    });
    expect(run.states("in/x", "c")).toEqual({ "in/x": "ready", c: "blocked" });
    expect(run.returns("in/x").states("in", "c")).toEqual({ in: "succeeded", c: "ready" });
  });
});

describe("a redrive", () => {
  it("opens the failures behind the cause, and sets back what they stopped", () => {
    const run = planned({
      tasks: {
        a: t,
        b: t,
        c: { ...t, needs: ["a", "b"] },
        d: needing("settled", "c"),
        e: { ...t, needs: ["c"] },
        f: t,
      },
    });
    run.returns("b").fails("a");
    expect(run.states()).toEqual({
      [ROOT]: "failed",
      a: "failed",
      b: "succeeded",
      c: "failed",
      d: "cancelled",
      e: "failed",
      f: "cancelled",
    });
    run.ends().redrive("a");
    expect(run.states()).toEqual({
      [ROOT]: "expanded",
      a: "ready",
      b: "succeeded",
      c: "blocked",
      d: "blocked",
      e: "blocked",
      f: "ready",
    });
    run.returns("a").returns("c").returns("d").returns("e").returns("f");
    expect(run.outcome).toBe("succeeded");
    expect(run.totals).toMatchObject({ tasks: 7, succeeded: 7, failed: 0, cancelled: 0 });
  });

  it("takes up what was abandoned when the task that waited for it failed", () => {
    const run = planned({ tasks: { a: t, b: t, c: { ...t, needs: ["a", "b"] } } }).fails("a");
    expect(run.states("b")).toEqual({ b: "abandoned" });
    run.ends().redrive("a").returns("a").returns("b").returns("c");
    expect(run.outcome).toBe("succeeded");
  });
});

describe("a plan inside a plan that is over", () => {
  it("gives an output that is made of what the plan was given, once it is over", () => {
    const inner = {
      plan: { tasks: { x: t }, output: { n: { $ref: "#/n" }, x: { $ref: "x" } } },
      input: { n: { $ref: "a" } },
    };
    const run = planned({ tasks: { a: t, inner, after: { ...t, input: { $ref: "inner" } } }, output: "after" });
    run.returns("a", 5).returns("inner/x", 6);
    expect(run.input("after")).toEqual({ n: 5, x: 6 });
  });
});
