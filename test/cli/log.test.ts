import { describe, expect, it } from "vitest";
import { describeEntry } from "../../src/cli/log.ts";
import type { Json } from "../../src/core/json.ts";

const told = (event: string, body: Json) => describeEntry({ sequence: 1, at: "2026-05-04T13:00:00Z", event, body });

describe("an event of the log, for people", () => {
  it("tells what was asked for", () => {
    expect(told("submitted", { type: "digest", input: { a: 1 } })).toEqual(['digest {"a":1}']);
    expect(told("submitted", { type: "digest", inputRef: "x" })).toEqual(["digest (input in the object store)"]);
  });

  it("tells each result on a line of its own", () => {
    const results = [
      { task: "-", attempt: 1, plan: { tasks: { a: {}, b: {} } } },
      { task: "a", attempt: 2, output: { text: "x" } },
      { task: "b", attempt: 1, error: { kind: "retryable", message: "no\nanswer" } },
      { task: "c", attempt: 1, outputRef: "blob" },
    ];
    expect(told("result", { results })).toEqual([
      "-: plan of 2: a, b",
      'a (attempt 2): output {"text":"x"}',
      "b: retryable error: no answer",
      "c: output (in the object store)",
    ]);
  });

  it("tells how the run ended", () => {
    expect(
      told("ended", { status: "failed", error: { code: 422, message: "a failed" }, totals: { tasks: 1 } }),
    ).toEqual(['failed: a failed {"tasks":1}']);
  });

  it.each([
    [{ upTo: 9, events: 1 }, "1 event, before 9"],
    [{ upTo: 9, events: 2 }, "2 events, before 9"],
    [{ upTo: 9, eventsRef: "blob" }, "events in the object store, before 9"],
  ])("counts what was carried: %j", (body, line) => {
    expect(told("carried", body)).toEqual([line]);
  });

  it("shows an event it does not know as it is", () => {
    expect(told("paused", { by: "me" })).toEqual(['{"by":"me"}']);
  });
});
