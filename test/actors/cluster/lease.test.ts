import { describe, expect, it } from "vitest";
import { Lease } from "../../../src/actors/cluster/lease.ts";
import type { Clock } from "../../../src/core/clock.ts";
import { createVirtualClock } from "../../../src/core/virtual-clock.ts";

const LEASE_MS = 1000;
const USABLE_MS = 800;

function createLease(wrap: (clock: Clock) => Clock = (clock) => clock) {
  const clock = createVirtualClock();
  /** When the end of the lease was reported (monotonic, ms), and whether it held at that moment. */
  const lost: { at: number; held: boolean }[] = [];
  const lease: Lease = new Lease(wrap(clock), LEASE_MS, () => lost.push({ at: clock.monotonic(), held: lease.holds }));
  return { clock, lease, lost };
}

describe("a lease", () => {
  it("does not hold before its first renewal is confirmed, and has no end to report", async () => {
    const { clock, lease, lost } = createLease();
    expect(lease.holds).toBe(false);
    await clock.advance(10 * LEASE_MS);
    expect(lost).toEqual([]);
  });

  it("holds for 80 % of its length after a renewal, and reports its end in that very turn", async () => {
    const { clock, lease, lost } = createLease();
    lease.renewed(clock.monotonic());
    await clock.advance(USABLE_MS - 1);
    expect(lease.holds).toBe(true);
    expect(lost).toEqual([]);
    await clock.advance(1);
    expect(lease.holds).toBe(false);
    expect(lost).toEqual([{ at: USABLE_MS, held: false }]);
  });

  it("holds on while it is renewed", async () => {
    const { clock, lease, lost } = createLease();
    for (let i = 0; i < 20; i++) {
      lease.renewed(clock.monotonic());
      await clock.advance(USABLE_MS - 1);
      expect(lease.holds).toBe(true);
    }
    expect(lost).toEqual([]);
    await clock.advance(1);
    expect(lost).toHaveLength(1);
  });

  it("counts from when the renewal was sent, not from when it was confirmed", async () => {
    const { clock, lease, lost } = createLease();
    const sentAt = clock.monotonic();
    await clock.advance(500);
    lease.renewed(sentAt);
    expect(lease.holds).toBe(true);
    await clock.advance(USABLE_MS - 500);
    expect(lease.holds).toBe(false);
    expect(lost).toEqual([{ at: USABLE_MS, held: false }]);
  });

  it("is not held by a confirmation that comes when its renewal is over, and then has no end to report", async () => {
    const { clock, lease, lost } = createLease();
    const sentAt = clock.monotonic();
    await clock.advance(USABLE_MS);
    lease.renewed(sentAt);
    expect(lease.holds).toBe(false);
    await clock.advance(LEASE_MS);
    expect(lost).toEqual([]);
  });

  it("that ended before the next renewal was sent reports that first, though no timer has fired", async () => {
    let stoodStillMs = 0;
    const { clock, lease, lost } = createLease((inner) => ({
      ...inner,
      // A process that stood still: its clock has gone on, and its timers come late.
      monotonic: () => inner.monotonic() + stoodStillMs,
    }));
    lease.renewed(clock.monotonic());
    stoodStillMs = 5 * LEASE_MS;
    const sentAt = clock.monotonic() + stoodStillMs;
    lease.renewed(sentAt);
    expect(lost).toEqual([{ at: 0, held: false }]);
    expect(lease.holds).toBe(true);
  });

  it("reports each end once", async () => {
    const { clock, lease, lost } = createLease();
    for (let i = 0; i < 3; i++) {
      lease.renewed(clock.monotonic());
      await clock.advance(3 * LEASE_MS);
    }
    expect(lost).toHaveLength(3);
  });

  it("does not look at the wall clock", async () => {
    let jumpMs = 0;
    const { clock, lease, lost } = createLease((inner) => ({ ...inner, now: () => inner.now() + jumpMs }));
    lease.renewed(clock.monotonic());
    jumpMs = 24 * 3_600_000;
    expect(lease.holds).toBe(true);
    jumpMs = -jumpMs;
    await clock.advance(USABLE_MS);
    expect(lost).toEqual([{ at: USABLE_MS, held: false }]);
  });

  it("reports its end though its timer comes early, as those of Node do by a part of a millisecond", async () => {
    const { clock, lease, lost } = createLease((inner) => ({
      ...inner,
      timer: (delayMs, run) => inner.timer(Math.max(0, delayMs - 0.5), run),
    }));
    lease.renewed(clock.monotonic());
    await clock.advance(USABLE_MS);
    expect(lost).toEqual([{ at: USABLE_MS, held: false }]);
  });

  it("that was ended reports nothing, and arms no timer", async () => {
    const { clock, lease, lost } = createLease();
    lease.renewed(clock.monotonic());
    lease.end();
    expect(lease.holds).toBe(false);
    expect(clock.pending).toBe(0);
    await clock.advance(LEASE_MS);
    expect(lost).toEqual([]);
  });
});
