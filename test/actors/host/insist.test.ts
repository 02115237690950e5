import { expect, test } from "vitest";
import { insist } from "../../../src/actors/host/insist.ts";
import { Trouble } from "../../../src/actors/host/trouble.ts";
import { BusError } from "../../../src/bus/port.ts";
import { createVirtualClock } from "../../../src/core/virtual-clock.ts";

const UNREACHABLE = new BusError("unreachable", "no connection");

function open() {
  const clock = createVirtualClock();
  const logged: string[] = [];
  const trouble = new Trouble(clock, (_, message) => void logged.push(message));
  /** When each try was made. */
  const tries: number[] = [];
  const failing = (failures: readonly unknown[]) => async () => {
    const error = failures[tries.length];
    tries.push(clock.monotonic());
    if (error !== undefined) throw error;
    return "held";
  };
  const how = { work: { one: "thing waits", many: "things wait" }, name: () => "it" };
  return { clock, runtime: { clock, trouble }, logged, tries, failing, how };
}

test("resolves with what the first try gives, at once and in silence", async () => {
  const { clock, runtime, tries, failing, how } = open();
  expect(await insist(runtime, failing([]), how)).toBe("held");
  expect([tries, clock.pending]).toEqual([[0], 0]);
});

test("tries again after 100 ms, 200 ms, … up to 5 s, and logs one line", async () => {
  const { clock, runtime, logged, tries, failing, how } = open();
  const held = insist(runtime, failing(new Array(8).fill(UNREACHABLE)), how);
  expect(await clock.runUntilSettled(held)).toBe("held");
  expect(tries).toEqual([0, 100, 300, 700, 1500, 3100, 6300, 11_300, 16_300]);
  expect(logged).toEqual(["1 thing waits (it: no connection)"]);
  expect(clock.pending).toBe(0);
});

test("rejects with the first error that does not pass", async () => {
  const { clock, runtime, tries, failing, how } = open();
  const failed = insist(runtime, failing([UNREACHABLE, new Error("broken"), UNREACHABLE]), how);
  await expect(clock.runUntilSettled(failed)).rejects.toThrow("broken");
  expect([tries, clock.pending]).toEqual([[0, 100], 0]);
});

test("lets its caller say what passes", async () => {
  const { clock, runtime, failing, how } = open();
  const held = insist(runtime, failing([new Error("broken")]), { ...how, passes: () => true });
  expect(await clock.runUntilSettled(held)).toBe("held");
});

test("gives up when it is not wanted any more", async () => {
  const { clock, runtime, tries, failing, how } = open();
  const given = insist(runtime, failing(new Array(9).fill(UNREACHABLE)), {
    ...how,
    wanted: () => clock.monotonic() < 200,
  });
  expect(await clock.runUntilSettled(given)).toBeUndefined();
  expect(tries).toEqual([0, 100]);
});

test("gives up in the middle of a pause when its signal aborts", async () => {
  const { clock, runtime, failing, how } = open();
  const stopping = new AbortController();
  const given = insist(runtime, failing(new Array(9).fill(UNREACHABLE)), { ...how, signal: stopping.signal });
  await clock.advance(350);
  stopping.abort();
  expect(await given).toBeUndefined();
  expect([clock.monotonic(), clock.pending]).toEqual([350, 0]);
});

test("gives up when the bus is closed", async () => {
  const { runtime, failing, how } = open();
  const closed = new BusError("closed", "the bus was closed");
  expect(await insist(runtime, failing([closed]), { ...how, passes: () => true })).toBeUndefined();
});

test("pauses first after a failure that came before it", async () => {
  const { clock, runtime, tries, failing, how } = open();
  await clock.runUntilSettled(insist(runtime, failing([]), { ...how, failure: UNREACHABLE }));
  expect(tries).toEqual([100]);
  await expect(insist(runtime, failing([]), { ...how, failure: new Error("final") })).rejects.toThrow("final");
});
