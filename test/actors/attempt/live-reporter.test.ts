import { expect, test } from "vitest";
import { LiveReporter } from "../../../src/actors/attempt/live-reporter.ts";
import { createMemoryBroker } from "../../../src/bus/memory/bus.ts";
import { createTopology } from "../../../src/bus/topology.ts";
import { createVirtualClock } from "../../../src/core/virtual-clock.ts";

const at = (task: string) => ({ tenant: "default", run: "r", task, attempt: 1 });
const attempt = (task: string, isOver = false) => ({ tenant: "default", message: at(task), isOver });

async function listening() {
  const clock = createVirtualClock();
  const bus = createMemoryBroker({ clock }).connect();
  const topology = createTopology();
  const told: string[] = [];
  const subscribed = bus.subscribe(topology.subjects.live("default", "r", "*"), ({ subject, data }) => {
    const { items } = JSON.parse(new TextDecoder().decode(data)) as { items: { task: string }[] };
    told.push(`${subject.split(".").at(-1)} ${items.map(({ task }) => task).join(" ")}`);
  });
  await clock.runUntilSettled(subscribed);
  return { clock, told, reporter: new LiveReporter({ bus, topology, clock, id: "w" }) };
}

test("tells in one message that attempts have begun, 20 ms after the first", async () => {
  const { clock, told, reporter } = await listening();
  reporter.began(attempt("a"), 0);
  await clock.advance(19);
  reporter.began(attempt("b", true), 0);
  expect(told).toEqual([]);
  await clock.advance(1);
  expect(told).toEqual(["started a b"]);
});

test("tells what waits when it is flushed, and leaves no timer", async () => {
  const { clock, told, reporter } = await listening();
  reporter.began(attempt("a"), 0);
  reporter.tell("log", at("a"), "a line");
  reporter.flush();
  await clock.settle();
  expect(told).toEqual(["started a", "log a"]);
  expect(clock.pending).toBe(0);
});

test("leaves out of many those that are over by then", async () => {
  const { clock, told, reporter } = await listening();
  for (let i = 0; i < 21; i++) reporter.began(attempt(`t${i}`, i % 10 !== 7), 0);
  await clock.advance(20);
  expect(told).toEqual(["started t7 t17"]);
});
