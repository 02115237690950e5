import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sleep, sortableId, systemClock } from "../../src/core/clock.ts";
import { isName } from "../../src/core/names.ts";

describe("sortableId", () => {
  const moment = fc.integer({ min: 0, max: Date.UTC(8000, 0) });
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

  it("sorts by the millisecond it was made in, whatever the random part", () => {
    fc.assert(
      fc.property(moment, moment, random, random, (one, other, r, s) => {
        fc.pre(one !== other);
        const [a, b] = [sortableId(one, () => r), sortableId(other, () => s)];
        expect(a < b).toBe(one < other);
      }),
    );
  });

  it("is a name of 20 characters", () => {
    fc.assert(
      fc.property(moment, random, (at, r) => {
        const id = sortableId(at, () => r);
        expect(id).toHaveLength(20);
        expect(isName(id)).toBe(true);
      }),
    );
  });

  it("takes a moment that is no whole millisecond", () => {
    expect(sortableId(1234.75, () => 0)).toBe(sortableId(1234, () => 0));
  });

  it("does not repeat itself within a millisecond", () => {
    const ids = Array.from({ length: 10_000 }, () => sortableId(1, Math.random));
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe("the system's clock", () => {
  it("calls back once, and not at all when disarmed", async () => {
    const calls: string[] = [];
    const disarm = systemClock.timer(0, () => calls.push("disarmed"));
    disarm();
    disarm();
    await new Promise<void>((resolve) => systemClock.timer(1, () => resolve(void calls.push("called"))));
    expect(calls).toEqual(["called"]);
  });

  it("does not fire at once for delays that setTimeout cannot hold", async () => {
    let fired = false;
    const disarm = systemClock.timer(2 ** 31 + 5, () => {
      fired = true;
    });
    await new Promise<void>((resolve) => systemClock.timer(5, resolve));
    disarm();
    expect(fired).toBe(false);
  });

  it("ends the turn after the promises that are due", async () => {
    const order: string[] = [];
    const ended = new Promise<void>((resolve) => systemClock.endOfTurn(() => resolve(void order.push("end of turn"))));
    await Promise.resolve().then(() => order.push("promise"));
    await ended;
    expect(order).toEqual(["promise", "end of turn"]);
  });
});

describe("sleep", () => {
  it("rejects with the signal's reason, and disarms its timer", async () => {
    const armed = new Set<() => void>();
    const clock = {
      ...systemClock,
      timer: (_delayMs: number, run: () => void) => {
        armed.add(run);
        return () => void armed.delete(run);
      },
    };
    const controller = new AbortController();
    const slept = sleep(clock, 1000, controller.signal);
    expect(armed.size).toBe(1);
    controller.abort(new Error("enough"));
    await expect(slept).rejects.toThrow("enough");
    expect(armed.size).toBe(0);
    await expect(sleep(clock, 1000, controller.signal)).rejects.toThrow("enough");
    expect(armed.size).toBe(0);
  });
});
