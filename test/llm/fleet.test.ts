import { expect, test } from "vitest";
import { createMemoryBus } from "../../src/bus/memory/bus.ts";
import type { KeyValue } from "../../src/core/key-value.ts";
import { createVirtualClock, type VirtualClock } from "../../src/core/virtual-clock.ts";
import { type Breaker, createBreaker } from "../../src/llm/breaker.ts";
import { SharedBreakers } from "../../src/llm/breaker-fleet.ts";
import type { Failure } from "../../src/llm/failure.ts";
import { rejection } from "./connection.ts";

const judge = (error: unknown): Failure => ({ error, type: "500", fault: "endpoint" });
const fail = () => Promise.reject(new Error("down"));
const OPEN_MS = 1000;

/** Breakers of one name in several processes that share a bucket. */
async function createFleet(count: number) {
  const clock = createVirtualClock();
  const bus = createMemoryBus({ clock });
  const store: Promise<KeyValue> = bus.bucket({ name: "breakers" });
  const breakers = Array.from({ length: count }, (_, i) => {
    const fleet = new SharedBreakers(store, { id: `process-${i}`, log: () => {} });
    return createBreaker("crm", { minimumRequests: 2, openMs: OPEN_MS }, { clock, fleet });
  });
  await clock.settle();
  return { clock, breakers };
}

async function open(breaker: Breaker, clock: VirtualClock) {
  for (let i = 0; i < 2; i++) await clock.runUntilSettled(rejection(breaker.run(fail, judge)));
  await clock.settle();
}

test("a breaker that opens opens in all processes, with the reason", async () => {
  const { clock, breakers } = await createFleet(3);
  await open(breakers[0]!, clock);
  for (const breaker of breakers) {
    expect(breaker.look()).toMatchObject({ kind: "open", reason: "500", until: clock.now() + OPEN_MS });
    expect(breaker.isUsable()).toBe(false);
  }
});

test("of all processes one makes the trial, and its success closes the breakers of all", async () => {
  const { clock, breakers } = await createFleet(3);
  await open(breakers[0]!, clock);
  await clock.advance(OPEN_MS);
  let sent = 0;
  const answer = Promise.withResolvers<string>();
  const calls = breakers.map((breaker) =>
    breaker
      .run(() => {
        sent++;
        return answer.promise;
      }, judge)
      .catch((error: Error) => error.message),
  );
  await clock.settle();
  expect(sent).toBe(1);
  answer.resolve("works");
  const outcomes = await clock.runUntilSettled(Promise.all(calls));
  expect(outcomes.filter((one) => one === "works").length).toBe(1);
  expect(outcomes.filter((one) => one.includes("not called")).length).toBe(2);
  await clock.settle();
  expect(breakers.map((breaker) => breaker.look().kind)).toEqual(["closed", "closed", "closed"]);
});

test("a trial that fails keeps the breakers of all open for another while", async () => {
  const { clock, breakers } = await createFleet(2);
  await open(breakers[0]!, clock);
  await clock.advance(OPEN_MS);
  await clock.runUntilSettled(rejection(breakers[1]!.run(fail, judge)));
  await clock.settle();
  expect(breakers.map((breaker) => breaker.look().kind)).toEqual(["open", "open"]);
  expect(breakers[0]!.look().until).toBe(clock.now() + OPEN_MS);
});

test("the trial of a process that has died holds up the others for one period only", async () => {
  const { clock, breakers } = await createFleet(2);
  await open(breakers[0]!, clock);
  await clock.advance(OPEN_MS);
  void breakers[0]!.run(() => new Promise(() => {}), judge);
  await clock.settle();
  expect((await rejection(breakers[1]!.run(async () => "sent", judge))).message).toContain("not called");
  await clock.advance(OPEN_MS);
  expect(await clock.runUntilSettled(breakers[1]!.run(async () => "sent", judge))).toBe("sent");
});

test("a process that begins while a breaker is open does not call either", async () => {
  const clock = createVirtualClock();
  const store: Promise<KeyValue> = createMemoryBus({ clock }).bucket({ name: "breakers" });
  const make = (id: string) =>
    createBreaker(
      "crm",
      { minimumRequests: 2, openMs: OPEN_MS },
      { clock, fleet: new SharedBreakers(store, { id, log: () => {} }) },
    );
  await open(make("first"), clock);
  const late = make("late");
  await clock.settle();
  expect(late.look().kind).toBe("open");
});
