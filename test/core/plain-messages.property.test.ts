import fc from "fast-check";
import { expect, it } from "vitest";
import { isPlainResult, result } from "../../src/core/event.ts";
import { isPlainTaskMessage, taskMessage } from "../../src/core/task-message.ts";

/** Things that belong into a message, and things that do not. */
const odd = fc.constantFrom<unknown>(
  undefined,
  null,
  0,
  1,
  -1,
  1.5,
  2 ** 60,
  Number.NaN,
  "",
  "-",
  "a",
  "a/b",
  "a//b",
  "a.b",
  "a/",
  "Part-3_x",
  true,
  [],
  {},
  { kind: "terminal", message: "m" },
);
const pick = (usual: unknown) => fc.oneof({ weight: 4, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: odd });

const message = fc.record(
  {
    v: pick(1),
    run: pick("run-1"),
    task: pick("a/b"),
    attempt: pick(1),
    epoch: pick(3),
    type: pick("noop"),
    input: fc.oneof(odd, fc.jsonValue()),
    inputRef: pick(undefined),
    needs: pick(undefined),
    needsRef: pick(undefined),
    parts: pick(undefined),
    partsRef: pick(undefined),
    timeoutMs: pick(undefined),
    deadline: pick(undefined),
    reply: pick("tutti.log.default.0.run-1"),
    more: odd,
  },
  { requiredKeys: [] },
);

const outcome = fc.record(
  {
    task: pick("a/b"),
    attempt: pick(1),
    worker: pick("w"),
    startedAt: pick("2026-01-01T00:00:00.000Z"),
    output: fc.oneof(odd, fc.jsonValue()),
    outputRef: pick(undefined),
    plan: pick(undefined),
    planRef: pick(undefined),
    error: pick(undefined),
    usage: pick(undefined),
    more: odd,
  },
  { requiredKeys: [] },
);

/** The schema leaves out what it does not know. */
const without = ({ more: _, ...known }: Record<string, unknown>) => known;

it("a message that looks like a plain task is one by the schema, read as it stands", () => {
  let plain = 0;
  fc.assert(
    fc.property(message, (value) => {
      if (!isPlainTaskMessage(value)) return;
      plain++;
      expect(taskMessage.parse(value)).toEqual(without(value));
    }),
    { numRuns: 5000 },
  );
  expect(plain).toBeGreaterThan(50);
});

it("a result that looks plain is one by the schema, read as it stands", () => {
  let plain = 0;
  fc.assert(
    fc.property(outcome, (value) => {
      if (!isPlainResult(value)) return;
      plain++;
      expect(result.parse(value)).toEqual(without(value));
    }),
    { numRuns: 5000 },
  );
  expect(plain).toBeGreaterThan(50);
});
