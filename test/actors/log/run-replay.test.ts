import { describe, expect, it } from "vitest";
import { RunReplay } from "../../../src/actors/log/run-replay.ts";
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

/** Folds the events; of the state, what the first cancel was and when the last event came. */
function take(...events: RunEvent[]) {
  const replay = new RunReplay({ tenant: "default", run: "r" });
  for (const event of events) replay.take(0, event);
  const { state, positions } = replay;
  return { first: state?.cancelledBy?.reason, last: state && state.updatedAt - START_MS, positions };
}

const place = (sequence: number) => ({ sequence, at: START_MS + sequence });

describe("a run that a replay comes upon", () => {
  it("begins from what is carried, each event in its old place and at its old time", () => {
    const events = [first, cancelAt(3)].map(carriedEvent);
    expect(take(copyAt(10), carriedAt(11, 10, events))).toEqual({
      first: "at 3",
      last: 3,
      positions: { original, base: place(10) },
    });
  });

  it("begins again from what is carried, where it was known already, with gaps or without", () => {
    const events = [first, cancelAt(3)].map(carriedEvent);
    expect(take(first, copyAt(10), carriedAt(11, 10, events))).toEqual({
      first: "at 3",
      last: 3,
      positions: { original, base: place(10) },
    });
  });

  it("goes on with what came between the copy and what is carried", () => {
    expect(take(copyAt(10), cancelAt(11), cancelAt(12), carriedAt(13, 10, [carriedEvent(first)]))).toMatchObject({
      first: "at 11",
      last: 12,
    });
  });

  it("does not begin without the copy, for there may be a gap", () => {
    expect(take(cancelAt(11), carriedAt(13, 10, [carriedEvent(first)])).last).toBeUndefined();
  });

  it("does not begin from another owner's try, which the copy that was read last does not belong to", () => {
    const carried = [carriedEvent(first)];
    const tried = [copyAt(10), copyAt(12), carriedAt(13, 10, carried)];
    expect(take(...tried).last).toBeUndefined();
    expect(take(...tried, cancelAt(14), carriedAt(15, 12, carried))).toMatchObject({ first: "at 14", last: 14 });
  });

  it("does not begin where the blob of the events is gone", () => {
    expect(take(copyAt(10), carriedAt(13, 10)).last).toBeUndefined();
  });

  it("passes over carried events that this build cannot read, as it does in the log", () => {
    const odd = { event: "of-tomorrow", sequence: 2, at: START_MS, body: {} };
    const broken = { event: "cancel", sequence: 3, at: START_MS, body: { v: 1, reason: 7 } };
    expect(take(copyAt(10), carriedAt(13, 10, [carriedEvent(first), odd, broken]))).toMatchObject({
      first: undefined,
      last: 0,
    });
  });
});

describe("a run that is followed", () => {
  it("goes on as it is when it is carried, and is needed from the copy on", () => {
    const replay = new RunReplay({ tenant: "default", run: "r" });
    replay.take(0, first);
    replay.endReplay();
    const { state } = replay;
    replay.take(0, copyAt(10));
    replay.take(0, carriedAt(11, 10));
    expect(replay.state).toBe(state);
    expect(replay.positions).toEqual({ original, base: place(10) });
  });
});
