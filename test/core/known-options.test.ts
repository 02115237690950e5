import { describe, expect, it } from "vitest";
import { TuttiError } from "../../src/core/error.ts";
import { checkOptions } from "../../src/core/known-options.ts";

const NAMES = { retry: { attempts: true, delay: true }, timeout: true, hook: true } as const;
const check = (options: unknown) => () => checkOptions("task t", options, NAMES);

describe("checkOptions", () => {
  it("accepts what is known, at every level, and what is not stated", () => {
    for (const options of [undefined, {}, { retry: { attempts: 1 }, timeout: 5 }, { retyr: undefined }])
      expect(check(options)).not.toThrow();
  });

  it("looks into no value that is not an options object", () => {
    expect(check({ hook: { anything: 1 } })).not.toThrow();
  });

  it.each([
    [{ timeuot: 5 }, "task t: /timeuot: expected no field of this name, received 5; did you mean timeout?"],
    [
      { retry: { atempts: 2 } },
      "task t: /retry/atempts: expected no field of this name, received 2; did you mean attempts?",
    ],
    [
      { colour: "red" },
      'task t: /colour: expected no field of this name, received "red"; known are retry, timeout, hook',
    ],
    [{ constructor: 1 }, "task t: /constructor: expected no field of this name, received 1"],
    [{ retry: 3 }, "task t: /retry: expected an object of options, received 3"],
    ["30s", 'task t: expected an object of options, received "30s"'],
    [[], "task t: expected an object of options, received []"],
    [null, "task t: expected an object of options, received null"],
  ])("refuses %j with the place and what was probably meant", (options, message) => {
    expect(check(options)).toThrow(TuttiError);
    expect(check(options)).toThrow(message);
  });
});
