import { expect, it } from "vitest";
import { describeViolation, explore } from "./exploration.ts";
import { simulate } from "./world.ts";

it("holds every invariant over some hundred seeds", { timeout: 900_000 }, async () => {
  const { found, figures } = await explore(1, 200);
  expect(found && describeViolation(found, 60)).toBeUndefined();
  // It would prove little if next to nothing had happened.
  expect(figures.runs).toBeGreaterThan(400);
  expect(figures.executions).toBeGreaterThan(2000);
});

it.each([3, 14, 15, 92, 65])("seed %i plays back the same", async (seed) => {
  const [first, second] = [await simulate(seed), await simulate(seed)];
  expect(second.trace.hash).toBe(first.trace.hash);
  expect(second.trace.events).toBe(first.trace.events);
  expect(first.trace.events).toBeGreaterThan(100);
});

it("gives each seed a schedule of its own", async () => {
  expect((await simulate(1)).trace.hash).not.toBe((await simulate(2)).trace.hash);
});
