import { describe, expect, it } from "vitest";
import { describeThrown, messageOf } from "../../src/core/thrown.ts";

const raise = () => {
  throw new Error("looked at");
};
const withGetter = (field: string) => Object.defineProperty(new Error("the reason"), field, { get: raise });
const trapped = (target: object) =>
  new Proxy(target, { get: raise, has: raise, ownKeys: raise, getPrototypeOf: raise, getOwnPropertyDescriptor: raise });
function revoked(): object {
  const { proxy, revoke } = Proxy.revocable(new Error("gone"), {});
  revoke();
  return proxy;
}
class PaymentDeclined extends Error {}

describe("describeThrown", () => {
  it("has an error's message, class, code and stack", () => {
    const thrown = describeThrown(Object.assign(new PaymentDeclined("no funds"), { code: "E_FUNDS" }));
    expect(thrown).toMatchObject({ message: "no funds", name: "PaymentDeclined", errorCode: "E_FUNDS" });
    expect(thrown.stack).toMatch(/^Error: no funds\n\s+at .*thrown\.test/);
  });

  it("names the class of an error without a message", () => {
    expect(messageOf(new PaymentDeclined())).toBe("PaymentDeclined");
    expect(messageOf(Object.assign(new Error(""), { code: "ENOENT" }))).toBe("ENOENT");
    expect(messageOf(new Error())).toBe("an error without a message");
  });

  it("tells what led to it, in one text and one by one", () => {
    const refused = Object.assign(new Error("connect ECONNREFUSED ::1:9"), { code: "ECONNREFUSED" });
    const both = new AggregateError([refused, new TypeError("second")]);
    const thrown = describeThrown(new TypeError("fetch failed", { cause: both }));
    expect(thrown.message).toBe("fetch failed: AggregateError: connect ECONNREFUSED ::1:9; second");
    expect(thrown.causes).toMatchObject([
      { name: "AggregateError", message: "" },
      { name: "Error", errorCode: "ECONNREFUSED", message: "connect ECONNREFUSED ::1:9" },
      { name: "TypeError", message: "second" },
    ]);
  });

  it("does not repeat a cause that the message quotes", () => {
    expect(messageOf(new Error("cannot read: disk full", { cause: new Error("disk full") }))).toBe(
      "cannot read: disk full",
    );
  });

  it("ends where causes form a cycle, or have no end", () => {
    const first = new Error("first");
    first.cause = new Error("second", { cause: first });
    expect(messageOf(first)).toBe("first: second");
    const endless = (): Error => Object.defineProperty(new Error("again"), "cause", { get: endless });
    expect(describeThrown(endless()).causes).toHaveLength(8);
    const wide = describeThrown(new AggregateError(Array.from({ length: 10_000 }, (_, i) => new Error(`e${i}`))));
    expect(wide.causes).toHaveLength(8);
  });

  it("stays within bounds, and keeps the frames of a stack behind a long message", () => {
    const huge = "m".repeat(5_000_000);
    const thrown = describeThrown(new Error(huge, { cause: new Error(huge) }));
    expect(JSON.stringify(thrown).length).toBeLessThan(20_000);
    expect(thrown.stack).toMatch(/\n\s+at /);
  });

  it.each<[string, unknown, string]>([
    ["whose message cannot be read", withGetter("message"), "an error without a message"],
    ["whose stack cannot be read", withGetter("stack"), "the reason"],
    ["whose name cannot be read", withGetter("name"), "the reason"],
    ["whose cause cannot be read", withGetter("cause"), "the reason"],
    ["whose name is a symbol", Object.assign(new Error("the reason"), { name: Symbol("n") }), "the reason"],
    ["whose code is an object", Object.assign(new Error("the reason"), { code: { toString: raise } }), "the reason"],
    ["whose message is an object", Object.assign(new Error(), { message: { toString: raise } }), "{}"],
    ["whose members cannot be read", Object.assign(new Error("the reason"), { errors: trapped([]) }), "the reason"],
    ["whose cause is a trapped proxy", new Error("the reason", { cause: trapped({}) }), "the reason: an object"],
    ["that is a trapped proxy", trapped(new Error("p")), "an object that is not JSON"],
    ["that is a revoked proxy", revoked(), "an object that is not JSON"],
    ["that has a throwing toString and toJSON", { toString: raise, toJSON: raise }, "an object that is not JSON"],
    ["that throws as a primitive", { [Symbol.toPrimitive]: raise, code: 7 }, '{"code":7}'],
    ["that is a function", () => 1, "() => 1"],
    ["that is null", null, "null"],
    ["that is undefined", undefined, "undefined"],
    ["that is a symbol", Symbol("s"), "Symbol(s)"],
  ])("never throws, for one %s", (_, thrown, message) => {
    expect(describeThrown(thrown).message).toContain(message);
  });
});
