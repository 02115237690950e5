import { expect, test } from "vitest";
import { ON_REAL_SERVERS } from "../support/runtime.ts";
import { unleash } from "./chaos.ts";
import { percentile } from "./failovers.ts";

/** The short form of `npm run chaos`. */
const LEASE_MS = 3000;

test("every run ends right while processes are killed every second, and the server is restarted", {
  ...ON_REAL_SERVERS,
  timeout: 150_000,
}, async () => {
  const report = await unleash({
    seconds: 20,
    runs: 60,
    seed: 11,
    orchestrators: 3,
    workers: 4,
    leaseMs: LEASE_MS,
    serverRestarts: 1,
  });
  const { failoverMs, ...figures } = report;
  console.log({ ...figures, p50: percentile(failoverMs, 0.5), p99: percentile(failoverMs, 0.99) });
  expect(report.violations).toEqual([]);
  expect(report.lost).toBe(0);
  expect(report.counted).toBe(report.tasks);
  expect(report.kills + report.pauses).toBeGreaterThanOrEqual(15);
  expect(report.serverRestarts).toBe(1);
});
