import { beforeEach, describe, expect, it } from "vitest";
import { CompactionReader } from "../../../src/actors/log/compaction-reader.ts";
import type { CarriedEvent, RunEvent } from "../../../src/core/event.ts";
import { START_MS, submittedEvent } from "../../support/folded-run.ts";

const first = submittedEvent();
const original = { sequence: first.sequence, at: first.at };

const copyAt = (sequence: number): RunEvent => ({
  kind: "submitted",
  body: { ...first.body, original },
  sequence,
  at: START_MS + sequence,
});
const cancelAt = (sequence: number): RunEvent => ({
  kind: "cancel",
  body: { v: 1, reason: `at ${sequence}` },
  sequence,
  at: START_MS + sequence,
});
const carriedEvent = ({ kind, ...rest }: RunEvent): CarriedEvent => ({ event: kind, ...rest });
const carriedAt = (sequence: number, upTo: number, events?: readonly CarriedEvent[]): RunEvent => ({
  kind: "carried",
  body: { v: 1, upTo, ...(events && { events: [...events] }) },
  sequence,
  at: START_MS + sequence,
});

describe("a run that a replay comes upon", () => {
  let carries: CompactionReader;
  beforeEach(() => {
    carries = new CompactionReader();
  });
  const take = (...events: RunEvent[]) => events.map((event) => carries.take("r", event));
  const taken = (...events: RunEvent[]) =>
    take(...events)
      .at(-1)
      ?.events.map(({ sequence }) => sequence);

  it("begins from what is carried, each event in its old place and at its old time", () => {
    const events = [first, cancelAt(3)].map(carriedEvent);
    const carry = take(copyAt(10), carriedAt(11, 10, events)).at(-1)!;
    expect(carry.mark).toEqual({ sequence: 10, at: START_MS + 10 });
    expect(carry.events).toEqual([{ ...first }, cancelAt(3)]);
  });

  it("goes on with what came between the copy and what is carried", () => {
    expect(taken(copyAt(10), cancelAt(11), cancelAt(12), carriedAt(13, 10, [carriedEvent(first)]))).toEqual([
      1, 11, 12,
    ]);
  });

  it("does not begin without the copy, for there may be a gap", () => {
    expect(taken(cancelAt(11), carriedAt(13, 10, [carriedEvent(first)]))).toBeUndefined();
  });

  it("does not begin from another owner's try, which the copy that was read last does not belong to", () => {
    expect(taken(copyAt(10), copyAt(12), carriedAt(13, 10, [carriedEvent(first)]))).toBeUndefined();
    expect(taken(cancelAt(14), carriedAt(15, 12, [carriedEvent(first)]))).toEqual([1, 14]);
  });

  it("does not begin where the blob of the events is gone", () => {
    expect(taken(copyAt(10), carriedAt(13, 10))).toBeUndefined();
  });

  it("passes over carried events that this build cannot read, as it does in the log", () => {
    const odd = { event: "of-tomorrow", sequence: 2, at: START_MS, body: {} };
    const broken = { event: "cancel", sequence: 3, at: START_MS, body: { v: 1, reason: 7 } };
    expect(taken(copyAt(10), carriedAt(13, 10, [carriedEvent(first), odd, broken]))).toEqual([1]);
  });
});
