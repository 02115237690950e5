import { expect, test } from "vitest";
import { agreeOnMaxAge } from "../../src/actors/log-settings.ts";
import { createMemoryBroker } from "../../src/bus/memory.ts";
import { tutti } from "../../src/tutti.ts";

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
