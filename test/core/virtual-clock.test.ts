import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sleep } from "../../src/core/clock.ts";
import { createVirtualClock } from "../../src/core/virtual-clock.ts";

describe("a virtual clock", () => {
  test("stands still until it is advanced", async () => {
    const clock = createVirtualClock({ startMs: 1_000 });
    expect([clock.now(), clock.monotonic()]).toEqual([1_000, 0]);
    await clock.advance(250);
    expect([clock.now(), clock.monotonic()]).toEqual([1_250, 250]);
  });

  test("fires timers in order of time, then of arming, each at its own time", async () => {
    const clock = createVirtualClock();
    const fired: string[] = [];
    const arm = (name: string, ms: number) => clock.timer(ms, () => fired.push(`${name}@${clock.monotonic()}`));
    arm("c", 30);
    arm("a", 10);
    arm("b1", 20);
    arm("b2", 20);
    arm("late", 31);
    arm("now", 0);
    await clock.advance(30);
    expect(fired).toEqual(["now@0", "a@10", "b1@20", "b2@20", "c@30"]);
    expect(clock.pending).toBe(1);
  });

  test("fires any timers in order", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.record({ ms: fc.nat(50), disarm: fc.boolean() })), async (timers) => {
        const clock = createVirtualClock();
        const fired: number[] = [];
        timers.forEach(({ ms, disarm }, i) => {
          const stop = clock.timer(ms, () => fired.push(i));
          if (disarm) stop();
        });
        await clock.advance(50);
        const expected = timers.map((timer, i) => ({ ...timer, i })).filter((timer) => !timer.disarm);
        expected.sort((a, b) => a.ms - b.ms || a.i - b.i);
        expect(fired).toEqual(expected.map(({ i }) => i));
        expect(clock.pending).toBe(0);
      }),
    );
  });

  test("fires timers that are armed by timers, when they fall into the time advanced", async () => {
    const clock = createVirtualClock();
    let ticks = 0;
    const tick = () => {
      ticks++;
      clock.timer(10, tick);
    };
    clock.timer(10, tick);
    await clock.advance(100);
    expect(ticks).toBe(10);
  });

  test("does not fire what was disarmed; disarming twice, or late, is harmless", async () => {
    const clock = createVirtualClock();
    let fired = 0;
    const disarm = clock.timer(10, () => fired++);
    const other = clock.timer(10, () => fired++);
    disarm();
    disarm();
    expect(clock.pending).toBe(1);
    await clock.advance(20);
    other();
    expect([fired, clock.pending]).toEqual([1, 0]);
  });

  test("does promises and the end of the turn before the next timer", async () => {
    const clock = createVirtualClock();
    const done: string[] = [];
    clock.timer(10, async () => {
      done.push("timer 1");
      clock.endOfTurn(() => {
        done.push("end of turn");
        void Promise.resolve().then(() => clock.endOfTurn(() => done.push("next end of turn")));
      });
      for (let i = 0; i < 100; i++) await undefined;
      done.push("promises");
    });
    clock.timer(10, () => done.push("timer 2"));
    await clock.advance(10);
    expect(done).toEqual(["timer 1", "promises", "end of turn", "next end of turn", "timer 2"]);
  });

  test("settles without time passing", async () => {
    const clock = createVirtualClock();
    let done = false;
    clock.endOfTurn(() => clock.endOfTurn(() => (done = true)));
    clock.timer(0, () => {
      throw new Error("not now");
    });
    await clock.settle();
    expect([done, clock.monotonic(), clock.pending]).toEqual([true, 0, 1]);
  });

  test("runs until a condition holds, and stops there", async () => {
    const clock = createVirtualClock();
    let fired = 0;
    for (const ms of [1_000, 2_000, 3_000]) clock.timer(ms, () => fired++);
    await clock.runUntil(() => fired === 2);
    expect([clock.monotonic(), clock.pending]).toEqual([2_000, 1]);
  });

  test("does not wait for ever", async () => {
    const clock = createVirtualClock();
    await expect(clock.runUntil(() => false)).rejects.toThrow("no timer is left");
    const tick = () => void clock.timer(60_000, tick);
    tick();
    await expect(clock.runUntil(() => false, 300_000)).rejects.toThrow("300000 ms have passed");
  });

  test("runs until a promise settles, and gives its outcome", async () => {
    const clock = createVirtualClock();
    const slow = sleep(clock, 5_000).then(() => "value");
    expect(await clock.runUntilSettled(slow)).toBe("value");
    expect(clock.monotonic()).toBe(5_000);
    const failing = sleep(clock, 10).then(() => Promise.reject(new Error("failure")));
    await expect(clock.runUntilSettled(failing)).rejects.toThrow("failure");
  });

  test("refuses to be run twice at once", async () => {
    const clock = createVirtualClock();
    const first = clock.advance(10);
    await expect(clock.advance(10)).rejects.toThrow("already running");
    await first;
    expect(clock.monotonic()).toBe(10);
  });

  test("draws the same numbers and ids from the same seed, and others from another", () => {
    const draw = (seed: number) => {
      const clock = createVirtualClock({ seed });
      return [clock.random(), clock.id(), clock.random(), clock.id()];
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    const { random } = createVirtualClock();
    const mean = Array.from({ length: 10_000 }, random).reduce((sum, x) => sum + x) / 10_000;
    expect(mean).toBeGreaterThan(0.48);
    expect(mean).toBeLessThan(0.52);
  });

  test("makes ids that sort by its time", async () => {
    const clock = createVirtualClock();
    const ids: string[] = [];
    for (let i = 0; i < 20; i++) {
      ids.push(clock.id());
      await clock.advance(1);
    }
    expect(ids.toSorted()).toEqual(ids);
    expect(ids[0]).toMatch(/^[0-9A-Za-z]{1,24}$/);
  });
});
