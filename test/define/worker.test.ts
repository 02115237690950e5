import { describe, expect, it } from "vitest";
import { z } from "zod";
import { TuttiError } from "../../src/core/error.ts";
import { plan } from "../../src/define/plan.ts";
import { task } from "../../src/define/task.ts";
import { isWorker, worker } from "../../src/define/worker.ts";

const echo = task("echo", { input: z.string(), output: z.string(), timeout: "1s" });

describe("worker", () => {
  it("is a contract with its handler", () => {
    const handler = ({ input }: { input: string }) => input;
    expect(worker(echo, handler)).toEqual({ ...echo, handler, concurrency: undefined });
    expect(worker(echo, { concurrency: 4 }, handler)).toEqual({ ...echo, handler, concurrency: 4 });
  });

  it("is contract and handler in one", () => {
    const run = () => "x";
    const made = worker("echo", { input: echo.input, output: echo.output, timeout: "1s", concurrency: 2, run });
    expect(made).toMatchObject({ type: "echo", handler: run, concurrency: 2, policy: { timeout: 1000 } });
    expect(made.input).toBe(echo.input);
  });

  it("can be named in plans, as its contract can", () => {
    const made = worker(echo, ({ input }) => input);
    expect(plan((p) => p.task(made, "hello")).wire).toEqual(plan((p) => p.task(echo, "hello")).wire);
  });

  it.each(["plan", "start"])("refuses the name %s, whose tasks the orchestrator carries out", (type) => {
    expect(() => worker(type, { run: () => 1 })).toThrow(`worker ${type}: expected another name`);
  });

  it.each<[string, () => unknown, string]>([
    ["name", () => worker("a.b", { run: () => 1 }), 'task type "a.b": expected'],
    [
      "option",
      () => worker("t", { run: () => 1, concurency: 4 } as never),
      "task t: /concurency: expected no field of this name",
    ],
    ["handler", () => worker("t", {} as never), "worker t: expected a function to execute it, received nothing"],
    [
      "handler of a contract",
      () => worker(echo, { concurrency: 1 } as never),
      'worker echo: expected a function to execute it, received {"concurrency":1}',
    ],
    [
      "concurrency",
      () => worker(echo, { concurrency: 0 }, () => ""),
      "worker echo: concurrency: expected an integer above 0, received 0",
    ],
  ])("refuses a bad %s, saying what was expected and received", (_, make, message) => {
    expect(make).toThrow(TuttiError);
    expect(make).toThrow(message);
  });
});

describe("isWorker", () => {
  it("tells workers from contracts and everything else", () => {
    expect(isWorker(worker(echo, () => ""))).toBe(true);
    for (const other of [echo, null, undefined, "worker", () => 1, { handler: "x", type: "t" }])
      expect(isWorker(other)).toBe(false);
  });
});
