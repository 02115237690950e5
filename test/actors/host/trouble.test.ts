import { expect, test } from "vitest";
import { Trouble } from "../../../src/actors/host/trouble.ts";
import { createVirtualClock } from "../../../src/core/virtual-clock.ts";

const TASKS = { one: "task is not queued yet", many: "tasks are not queued yet" };
const RESULTS = { one: "result is not stored yet", many: "results are not stored yet" };
const LOST = new Error("the connection is lost");

function open() {
  const clock = createVirtualClock();
  const logged: string[] = [];
  const trouble = new Trouble(clock, (_, message) => void logged.push(`${clock.monotonic()}: ${message}`));
  return { clock, logged, trouble };
}

test("logs one line for all that fails by one loss, with counts, the first, and why", async () => {
  const { clock, logged, trouble } = open();
  for (let i = 0; i < 275; i++) trouble.begin(TASKS, `task ${i}`, LOST);
  await clock.advance(50);
  trouble.begin(RESULTS, "result x", new Error("no answer"));
  await clock.advance(1000);
  expect(logged).toEqual([
    "100: 275 tasks are not queued yet (the first: task 0: the connection is lost); 1 result is not stored yet (result x: no answer)",
  ]);
});

test("does not mention what is through within 100 ms", async () => {
  const { clock, logged, trouble } = open();
  const done = trouble.begin(TASKS, "task", LOST);
  await clock.advance(99);
  done();
  await clock.advance(1000);
  expect(logged).toEqual([]);
  expect(clock.pending).toBe(0);
});

test("logs again every 30 s while work waits, with what waits then", async () => {
  const { clock, logged, trouble } = open();
  const first = trouble.begin(TASKS, "task 1", LOST);
  const second = trouble.begin(TASKS, "task 2", LOST);
  await clock.advance(20_000);
  first();
  await clock.advance(40_200);
  second();
  await clock.advance(100_000);
  expect(logged.map((line) => line.split(" ", 3).join(" "))).toEqual([
    "100: 2 tasks",
    "30100: 1 task",
    "60100: 1 task",
  ]);
});

test("logs a new kind of work at once, and one that fails again and again every 30 s", async () => {
  const { clock, logged, trouble } = open();
  for (let i = 0; i < 100; i++) {
    const done = trouble.begin(TASKS, "task", LOST);
    if (i === 50) trouble.begin(RESULTS, "result", LOST);
    await clock.advance(200);
    done();
    await clock.advance(100);
  }
  expect(logged).toEqual([
    "100: 1 task is not queued yet (task: the connection is lost)",
    "15100: 1 task is not queued yet (task: the connection is lost); 1 result is not stored yet (result: the connection is lost)",
  ]);
});

test("logs nothing and leaves no timer once it is stopped", async () => {
  const { clock, logged, trouble } = open();
  trouble.begin(TASKS, "task 1", LOST);
  trouble.stop();
  trouble.mention(TASKS, "task 2", LOST);
  expect(clock.pending).toBe(0);
  await clock.advance(1000);
  expect(logged).toEqual([]);
});

test("counts what is not tried again in one line", async () => {
  const { clock, logged, trouble } = open();
  for (let i = 0; i < 3; i++) trouble.mention(TASKS, `task ${i}`, LOST);
  await clock.advance(100_000);
  expect(logged).toEqual(["100: 3 tasks are not queued yet (the first: task 0: the connection is lost)"]);
  expect(clock.pending).toBe(0);
});
