import { AsyncLocalStorage } from "node:async_hooks";
import { describe, expect, test } from "vitest";
import { asAttempt, failStrayed } from "../../../src/actors/attempt/stray-errors.ts";

/** An attempt that notes what it was failed with. */
function attempt(title: string) {
  const failures: unknown[] = [];
  return { title, failures, fail: (error: unknown) => void failures.push(error) };
}

describe("an error that a handler lets out", () => {
  test("fails the attempt that started what throws, though another one was executed since", async () => {
    const [first, second] = [attempt("first"), attempt("second")];
    const timer = asAttempt(first, () => new Promise((resolve) => setImmediate(() => resolve(failStrayed("late")))));
    const promise = asAttempt(second, async () => {
      await undefined;
      return failStrayed("soon");
    });
    expect(await timer).toBe(first);
    expect(await promise).toBe(second);
    expect([first.failures, second.failures]).toEqual([["late"], ["soon"]]);
  });

  test("fails no attempt when it comes from elsewhere", () => {
    const one = attempt("one");
    expect(() =>
      asAttempt(one, () => {
        throw new Error("at once");
      }),
    ).toThrow("at once");
    expect(failStrayed("from elsewhere")).toBeUndefined();
    expect(one.failures).toEqual([]);
  });
});

test("a handler sees the context in which it is called, and leaves it as it was", () => {
  const span = new AsyncLocalStorage<string>();
  span.run("of the attempt", () => {
    expect(asAttempt(attempt("one"), () => span.getStore())).toBe("of the attempt");
    expect(span.getStore()).toBe("of the attempt");
  });
});
