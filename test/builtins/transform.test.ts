import { describe, expect, it } from "vitest";
import { transformTask, transformWorker } from "../../src/builtins/transform/transform.ts";
import { TerminalError } from "../../src/core/error.ts";
import type { Json } from "../../src/core/json.ts";
import { createHandlerContext } from "../support/handler-context.ts";

const transform = (expression: string, data: Json = {}, signal = new AbortController().signal): Promise<unknown> =>
  Promise.resolve(transformWorker.handler(createHandlerContext({ expression, data }, { signal })));

const ORDERS = {
  orders: [
    { id: 1, price: 10, quantity: 2 },
    { id: 2, price: 5, quantity: 1 },
  ],
};

describe("transform", () => {
  it.each<[string, Json, Json]>([
    ["$sum(orders.(price * quantity))", ORDERS, 25],
    ["orders.id", ORDERS, [1, 2]],
    ["orders[price > 6].{ 'id': id }", ORDERS, { id: 1 }],
    ["$", "text", "text"],
    ["null", {}, null],
  ])("%s", async (expression, data, expected) => {
    await expect(transform(expression, data)).resolves.toEqual(expected);
  });

  it.each([
    ["an expression that cannot be read", "orders.(", "S0203"],
    ["one that fails", "1 + 'x'", 'T2002: The right side of the "+" operator must evaluate to a number'],
    ["an error of its own", "$error('no good')", "D3137: no good"],
    ["one that gives nothing", "ordres.id", "received nothing: is a field misspelt?"],
    ["a function", "function($x) { $x }", "expected an expression in JSONata"],
  ])("fails for good: %s", async (_, expression, message) => {
    const failed = transform(expression, ORDERS);
    await expect(failed).rejects.toThrow(TerminalError);
    await expect(failed).rejects.toThrow(message);
  });

  it("takes an expression and data, and nothing else", () => {
    expect(transformTask.input.safeParse({ expression: "x", data: null }).success).toBe(true);
    for (const wrong of [
      {},
      { expression: "x" },
      { expression: "", data: 1 },
      { expression: "x", data: 1, more: 1 },
      { expression: "x".repeat(20_001), data: 1 },
    ])
      expect(transformTask.input.safeParse(wrong).success).toBe(false);
  });
});

describe("a hostile expression", () => {
  it.each([
    ["recurses without end", "($f := function($n) { $f($n + 1) }; $f(0))"],
    ["has a regular expression that backtracks", "$match('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab', /(a+)+$/)"],
    ["counts for hours", "$count($map([1..1000000], function($x) { $count([1..100000]) }))"],
  ])("is ended with its attempt: one that %s", async (_, expression) => {
    const attempt = new AbortController();
    const answer = transform(expression, {}, attempt.signal);
    // It is at work when a second one, which has to wait for a processor, has been through.
    await transform("1");
    attempt.abort(new Error("the attempt is over"));
    await expect(answer).rejects.toThrow("the attempt is over");
  });

  it("may not take all memory", async () => {
    const expression =
      "($f := function($x, $n) { $n > 40 ? $x : $f($append($x, $x), $n + 1) }; $count($f([1, 2, 3], 0)))";
    await expect(transform(expression)).rejects.toThrow("expected an expression that takes at most 128 MiB");
  });

  it("does not spoil the process for the next", async () => {
    await transform("$assert(false, 'x')").catch(() => {});
    await transform("($x := 5; $x)");
    await expect(transform("$x")).rejects.toThrow("received nothing");
    await expect(transform("1 + 1")).resolves.toBe(2);
  });
});
