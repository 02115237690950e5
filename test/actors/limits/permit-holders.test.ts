import { expect, test, vi } from "vitest";
import type { Runtime } from "../../../src/actors/host/runtime.ts";
import { PermitHolders } from "../../../src/actors/limits/permit-holders.ts";
import type { PermitPool } from "../../../src/actors/limits/permit-pool.ts";
import { createMemoryBus } from "../../../src/bus/memory/bus.ts";
import { createTopology } from "../../../src/bus/topology.ts";
import { encodeJson } from "../../../src/core/json.ts";
import { createVirtualClock } from "../../../src/core/virtual-clock.ts";
import type { TaskRecord } from "../../../src/fold/task-record.ts";

const PER_MS = 1000;

/** One attempt, and a rate whose permits in use are counted. */
function createBench() {
  const clock = createVirtualClock();
  const bus = createMemoryBus({ clock });
  const topology = createTopology();
  const log: string[] = [];
  const say = (level: string, message: string) => void log.push(`${level} ${message}`);
  const holders = new PermitHolders({ bus, topology, clock, log: say } as unknown as Runtime);
  let used = 0;
  const rate = { perMs: PER_MS, take: () => void used++, release: () => void used-- } as unknown as PermitPool;
  const run = { tenant: "default", run: "r", shard: 0 };
  const task = { id: "a", run, snapshot: { context: { attempt: 1 } } } as unknown as TaskRecord;
  const begin = () => {
    const items = [{ task: "a", attempt: 1, at: new Date(0).toISOString() }];
    bus.publish(topology.subjects.live("default", "r", "started"), encodeJson({ v: 1, items }));
    return clock.settle();
  };
  return { clock, bus, log, holders, rate, task, begin, used: () => used };
}

test("an attempt that has begun takes no second permit of its rate when a setting is applied", async () => {
  const { clock, holders, rate, task, begin, used } = createBench();
  holders.take(task, [rate]);
  await clock.settle();
  await begin();
  holders.take(task, [rate]);
  expect(used()).toBe(1);
  await clock.advance(PER_MS);
  expect(used()).toBe(0);
  holders.release(task, 1);
  await clock.advance(PER_MS);
  expect(used()).toBe(0);
  await holders.stop();
});

test("a subscription that fails is tried again by the next attempt, and does not fail the stop", async () => {
  const { clock, bus, log, holders, rate, task, begin, used } = createBench();
  const subscribe = vi.spyOn(bus, "subscribe").mockRejectedValueOnce(new Error("no connection"));
  holders.take(task, [rate]);
  await clock.settle();
  expect(log).toEqual(["warn the beginnings of attempts are not heard of: no connection"]);
  holders.cancel(task, 1);
  holders.take(task, [rate]);
  await clock.settle();
  await begin();
  await clock.advance(PER_MS);
  expect(used()).toBe(0);
  await holders.stop();
  expect(subscribe).toHaveBeenCalledTimes(2);
});

test("a stop during a subscription that fails resolves", async () => {
  const { bus, holders, rate, task } = createBench();
  vi.spyOn(bus, "subscribe").mockRejectedValueOnce(new Error("no connection"));
  holders.take(task, [rate]);
  await holders.stop();
});
