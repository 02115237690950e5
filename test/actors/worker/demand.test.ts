import { describe, expect, it } from "vitest";
import { QueuesInUse } from "../../../src/actors/host/queues-in-use.ts";
import { Trouble } from "../../../src/actors/host/trouble.ts";
import { Demand } from "../../../src/actors/worker/demand.ts";
import { createMemoryBus } from "../../../src/bus/memory/bus.ts";
import type { Delivery } from "../../../src/bus/port.ts";
import { createTopology } from "../../../src/bus/topology.ts";
import type { Priority } from "../../../src/core/names.ts";
import { createVirtualClock } from "../../../src/core/virtual-clock.ts";

interface Options {
  readonly types?: readonly string[];
  readonly concurrency?: number;
  readonly limits?: Readonly<Record<string, number>>;
}

/** The demand of one worker over queues of its own, in virtual time; what it begins is finished by hand. */
async function open({ types = ["a"], concurrency = 2, limits = {} }: Options = {}) {
  const clock = createVirtualClock();
  const bus = createMemoryBus({ clock });
  const topology = createTopology();
  const passing = <T>(promise: Promise<T>) => clock.runUntilSettled(promise);
  await passing(bus.ensureStream(topology.streams.tasks));
  const queues = await passing(QueuesInUse.open(bus, topology, () => {}));
  const running = new Map<string, () => void>();
  const order: string[] = [];
  const deliveries = new Map<string, Delivery>();
  const trouble = new Trouble(clock, () => {});
  const demand = new Demand(
    { bus, topology, clock, queues, trouble },
    {
      types,
      concurrency,
      allowedOf: () => undefined,
      limitOf: (type) => limits[type],
      onLoad: () => {},
      isToBeAlone: ({ subject }) => nameIn(subject).startsWith("alone"),
      run(delivery, done) {
        const name = nameIn(delivery.subject);
        order.push(name);
        deliveries.set(name, delivery);
        running.set(name, () => {
          running.delete(name);
          delivery.ack();
          done();
        });
      },
    },
  );
  await passing(demand.open());
  let count = 0;
  return {
    clock,
    demand,
    bus,
    queues,
    topology,
    passing,
    running,
    order,
    deliveries,
    async put(type: string, names: readonly string[], priority: Priority = "normal") {
      for (const task of names) {
        const at = { type, priority, shard: 0, tenant: "default", run: `r${++count}`, task, attempt: 1 };
        await passing(bus.append(topology.subjects.task(at), new Uint8Array()));
      }
      await clock.settle();
    },
    async finish(...names: readonly string[]) {
      for (const name of names) running.get(name)!();
      await clock.settle();
    },
    /** Taken by another worker, which asks for as many as there are. */
    async left(type: string, priority: Priority = "normal"): Promise<string[]> {
      const consumer = topology.taskConsumer(type, priority);
      const got: string[] = [];
      const puller = await passing(
        bus.pull(consumer.stream, consumer.name, ({ subject }) => got.push(nameIn(subject))),
      );
      puller.demand(1000);
      await clock.settle();
      await passing(puller.stop());
      return got;
    },
  };
}

const nameIn = (subject: string): string => subject.split(".").at(-2)!;
const names = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i + 1}`);

describe("the demand of a worker", () => {
  it("begins what is to be alone when nothing else is in execution, and nothing else meanwhile", async () => {
    const { put, finish, order } = await open({ concurrency: 3 });
    await put("a", ["t1", "alone1", "t2"]);
    expect(order).toEqual(["t1"]);
    await finish("t1");
    expect(order).toEqual(["t1", "alone1"]);
    await put("a", ["alone2"]);
    await finish("alone1");
    expect(order).toEqual(["t1", "alone1", "t2"]);
    await finish("t2");
    expect(order).toEqual(["t1", "alone1", "t2", "alone2"]);
  });

  it("begins as much as it has slots, and asks a queue that has work for one more at most", async () => {
    const { put, left, running } = await open({ concurrency: 3 });
    await put("a", names("t", 10));
    expect([...running.keys()]).toEqual(["t1", "t2", "t3"]);
    expect((await left("a")).length).toBeGreaterThanOrEqual(6);
  });

  it("begins the next when one is finished", async () => {
    const { put, finish, order } = await open({ concurrency: 2 });
    await put("a", names("t", 4));
    await finish("t2");
    expect(order).toEqual(["t1", "t2", "t3"]);
    await finish("t1", "t3");
    expect(order).toEqual(["t1", "t2", "t3", "t4"]);
  });

  it("has one asked for of every queue, so that work there is begun at once", async () => {
    const { put, order, clock } = await open({ types: ["a", "b", "c"], concurrency: 3 });
    for (const type of ["a", "b", "c"]) {
      const began = clock.monotonic();
      await put(type, [`${type}1`]);
      expect(clock.monotonic() - began).toBeLessThan(5);
    }
    expect(order).toEqual(["a1", "b1", "c1"]);
  });

  it("gives its slots to the queue that has work, when the others have none", async () => {
    const { put, running } = await open({ types: ["a", "b", "c"], concurrency: 8 });
    await put("b", names("t", 20));
    expect(running.size).toBe(8);
  });

  it("begins what is urgent first of what waits for a slot", async () => {
    const { put, finish, order, queues, passing, clock } = await open({ types: ["a"], concurrency: 1 });
    for (const priority of ["high", "low"] as const) await passing(queues.add("a", priority));
    await clock.settle();
    await put("a", ["first"]);
    await put("a", ["low"], "low");
    await put("a", ["high"], "high");
    for (const name of ["first", "high", "low"]) {
      expect(order.at(-1)).toBe(name);
      await finish(name);
    }
  });

  it("takes from a queue that comes into use while it is open, and opens it once", async () => {
    const { put, order, queues, passing, clock, bus, topology } = await open();
    await passing(queues.add("a", "high"));
    await clock.settle();
    const bucket = await passing(bus.bucket(topology.buckets.queues));
    await passing(bucket.delete("a.high"));
    await passing(queues.add("a", "high"));
    await clock.settle();
    await put("a", ["urgent"], "high");
    expect(order).toEqual(["urgent"]);
  });

  it("runs no more of a type than the type allows, and leaves the rest of it to others", async () => {
    const { put, running, left } = await open({ types: ["a", "b"], concurrency: 4, limits: { a: 1 } });
    await put("a", names("t", 5));
    expect([...running.keys()]).toEqual(["t1"]);
    await put("b", names("u", 3));
    expect([...running.keys()]).toEqual(["t1", "u1", "u2", "u3"]);
    expect(await left("a")).toHaveLength(4);
  });

  it("asks ahead for what is finished within 50 ms, so that no slot stands empty for a round trip", async () => {
    const { put, running, finish, clock, demand } = await open({ concurrency: 2 });
    await put("a", names("t", 100));
    for (let i = 0; i < 10; i++) {
      await finish(...running.keys());
      await clock.advance(10);
    }
    expect(demand.inHand.size).toBeGreaterThan(2);
    expect(running.size).toBe(2);
  });

  it("asks nothing ahead once what it does takes longer", async () => {
    const { put, running, finish, clock, demand } = await open({ concurrency: 2 });
    await put("a", names("t", 30));
    for (let i = 0; i < 10; i++) {
      await finish(...running.keys());
      await clock.advance(1000);
    }
    expect(demand.inHand.size).toBeLessThanOrEqual(3);
  });

  it("keeps what it has in hand from being delivered again, however long it takes", async () => {
    const { put, clock, left, deliveries } = await open({ concurrency: 1 });
    await put("a", ["long"]);
    await clock.advance(10 * 30_000);
    expect(await left("a")).toEqual([]);
    expect(deliveries.get("long")!.deliveries).toBe(1);
  });

  it("has what it had in hand delivered to others once its heartbeats have ended", async () => {
    const { put, clock, left, demand } = await open({ concurrency: 1 });
    await put("a", ["long"]);
    demand.stop();
    await clock.advance(31_000);
    expect(await left("a")).toEqual(["long"]);
  });

  it("hands back what no slot has begun when it closes, and takes nothing more", async () => {
    const { put, passing, demand, left, running, order } = await open({ types: ["a", "b"], concurrency: 1 });
    await put("a", ["a1"]);
    await put("b", ["b1", "b2"]);
    await passing(demand.close());
    expect([...running.keys()]).toEqual(["a1"]);
    expect((await left("b")).toSorted()).toEqual(["b1", "b2"]);
    await put("a", ["a2"]);
    expect(order).toEqual(["a1"]);
  });
});
