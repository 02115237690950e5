import { expect, test } from "vitest";
import { agreeOnLease, agreeOnMaxAge } from "../../../src/actors/host/log-settings.ts";
import { createMemoryBroker } from "../../../src/bus/memory/bus.ts";
import { createTopology } from "../../../src/bus/topology.ts";
import { tutti } from "../../../src/tutti.ts";
import { describeShared } from "../../support/runtime.ts";

const DAY_MS = 86_400_000;

test("the log's age is what was stated last, for those that state nothing too", async () => {
  const bus = createMemoryBroker().connect();
  expect(await agreeOnMaxAge(bus, {})).toBe(7 * DAY_MS);
  expect(await agreeOnMaxAge(bus, { maxAgeMs: 30 * DAY_MS })).toBe(30 * DAY_MS);
  expect(await agreeOnMaxAge(bus, {})).toBe(30 * DAY_MS);
  expect(await agreeOnMaxAge(bus, { maxAgeMs: 2 * DAY_MS })).toBe(2 * DAY_MS);
  expect(await agreeOnMaxAge(bus, {})).toBe(2 * DAY_MS);
  // Another prefix is another log.
  expect(await agreeOnMaxAge(bus, { prefix: "other" })).toBe(7 * DAY_MS);
  await bus.close();
});

test("a process with an age that leaves no time for a takeover is refused", async () => {
  await expect(tutti({ env: {}, maxAge: "10s" })).rejects.toThrow(/maxAge \(TUTTI_MAX_AGE\).*received 10s/);
});

describeShared("a process with another lease than those that are alive", (runtime) => {
  const orchestrator = (presenceTtlMs?: number) =>
    runtime.start({ ...(presenceTtlMs && { timing: { presenceTtlMs } }) });
  const warnings = () => runtime.logged.filter((line) => line.includes("the lease set here"));

  test("takes theirs, and says so once; one that states none takes it in silence", async () => {
    await orchestrator(2000);
    await orchestrator(20_000);
    await orchestrator();
    expect(warnings()).toEqual([
      expect.stringContaining("(TUTTI_LEASE) is 20s, but that of the running processes is 2.0s, which is used"),
    ]);
  });

  test("has its own once they have all left", async () => {
    const first = await orchestrator(2000);
    await first.stop();
    await orchestrator(3000);
    await orchestrator(2000);
    expect(warnings()).toEqual([
      expect.stringContaining("is 2.0s, but that of the running processes is 3.0s, which is used"),
    ]);
  });
});

test("a lease is agreed on by workers too, for whom nothing else has been said", async () => {
  const broker = createMemoryBroker();
  const bus = broker.connect();
  const said: string[] = [];
  const agree = (presenceTtlMs?: number) =>
    agreeOnLease(bus, { ...(presenceTtlMs && { presenceTtlMs }) }, (_, message) => void said.push(message));
  expect(await agree()).toBe(5000);
  // Nobody is alive: what is stated holds, and without a word the default.
  expect(await agree(1000)).toBe(1000);
  expect(await agree()).toBe(5000);
  expect(await agree(1000)).toBe(1000);
  const workers = await bus.bucket(createTopology({ presenceTtlMs: 1000 }).buckets.workers);
  await workers.put("somebody", new Uint8Array());
  expect([await agree(1000), await agree(), await agree(700)]).toEqual([1000, 1000, 1000]);
  expect(said).toHaveLength(1);
  await bus.close();
});
