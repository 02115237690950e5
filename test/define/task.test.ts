import { describe, expect, it } from "vitest";
import { z } from "zod";
import { TuttiError } from "../../src/core/error.ts";
import { plan } from "../../src/define/plan.ts";
import { type TaskOptions, task } from "../../src/define/task.ts";

describe("task", () => {
  it("is a contract: name, schemas, policy in milliseconds", () => {
    const input = z.object({ text: z.string() });
    const made = task("summarize", {
      input,
      description: "Sums up.",
      version: "2",
      timeout: "30s",
      retry: { attempts: 3, maxDelay: "1m" },
    });
    expect(made).toMatchObject({
      type: "summarize",
      description: "Sums up.",
      version: "2",
      policy: { timeout: 30_000, retry: { attempts: 3, maxDelay: 60_000 } },
    });
    expect(made.input).toBe(input);
    expect(made.output.parse({ any: "thing" })).toEqual({ any: "thing" });
  });

  it("states no policy where its author states none", () => {
    expect(task("t").policy).toEqual({});
    expect(task("t", { timeout: undefined } as object).policy).toEqual({});
  });

  it.each([
    [{ delay: "1h" }, 3_600_000],
    [{ delay: "1h", maxDelay: "30s" }, 30_000],
    [{ delay: "5s" }, undefined],
  ] as const)("takes the retry %j for what is meant: a stated delay is not cut to a default", (retry, maxDelay) => {
    expect(task("t", { retry }).policy.retry?.maxDelay).toBe(maxDelay);
    const placed = plan((p) => void p.task("t", {}, { key: "a", retry })).wire.tasks.a;
    expect(placed?.retry?.maxDelay).toBe(maxDelay);
  });

  it.each<[string, () => unknown, string]>([
    ["name", () => task("a b"), 'task type "a b": expected 1 to 64 characters'],
    [
      "timeout",
      () => task("t", { timeout: "soon" }),
      'task t: /timeout: expected a duration such as 500ms, 30s, 5m, 1.5h or 7d, or a number of milliseconds, received "soon"',
    ],
    ["retry", () => task("t", { retry: { attempts: 0 } }), "task t: /retry/attempts: "],
    [
      "option",
      () => task("t", { retries: 3 } as TaskOptions<z.ZodType, z.ZodType>),
      "task t: /retries: expected no field of this name, received 3",
    ],
    [
      "schema",
      () => task("t", { input: { text: "string" } } as never),
      'task t: /input: expected a zod schema, received {"text":"string"}',
    ],
  ])("refuses a bad %s, saying what was expected and received", (_, make, message) => {
    expect(make).toThrow(TuttiError);
    expect(make).toThrow(message);
  });
});
