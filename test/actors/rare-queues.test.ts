import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { expect, test } from "vitest";
import { RareQueues } from "../../src/actors/rare-queues.ts";
import { createMemoryBroker } from "../../src/bus/memory.ts";
import { createTopology } from "../../src/bus/topology.ts";
import { createVirtualClock } from "../../src/core/virtual-clock.ts";
import { worker } from "../../src/index.ts";
import { describeOnNats, describeShared } from "../support/runtime.ts";

const step = worker("step", { run: ({ task }) => task });

describeShared("tasks of high and low priority", (runtime) => {
  test("that stand on their queue when a worker starts are taken", async () => {
    const app = await runtime.start({ workers: [] });
    const first = await runtime.start({ orchestrator: false, workers: [step] });
    await app.run("step", {});
    await first.stop();
    const runs = ["high", "low"] as const;
    for (const priority of runs) await app.submit("step", {}, { run: priority, priority });
    await runtime.start({ orchestrator: false, workers: [step] });
    for (const run of runs) expect(await app.result(run)).toBe("-");
  });

  test("that come later are taken by every worker of the type", async () => {
    const seen = new Set<string>();
    const both = Promise.withResolvers<void>();
    const one = (name: string) =>
      worker("step", {
        concurrency: 1,
        run: async () => {
          if (seen.add(name).size === 2) both.resolve();
          await both.promise;
        },
      });
    const app = await runtime.start({ workers: [one("a")] });
    await runtime.start({ orchestrator: false, workers: [one("b")] });
    await Promise.all(["1", "2"].map(() => app.run("step", {}, { priority: "high" })));
    expect(seen.size).toBe(2);
  });
});

describeOnNats("on the server", (runtime) => {
  test("a type has one consumer until a task of another priority comes", async () => {
    const app = await runtime.start({ workers: [step] });
    const connection = await connect({ servers: runtime.server.url });
    const manager = await jetstreamManager(connection);
    const consumers = async () => {
      const found = await manager.consumers.list(`${runtime.prefix.toUpperCase()}_TASKS`).next();
      return found.map(({ name }) => name).sort();
    };
    await app.run("step", {});
    expect(await consumers()).toEqual(["step_normal"]);
    await app.run("step", {}, { priority: "low" });
    expect(await consumers()).toEqual(["step_low", "step_normal"]);
    await connection.close();
  });
});

test("a queue whose first task was not heard is found by looking, within half a minute", async () => {
  const clock = createVirtualClock();
  const broker = createMemoryBroker({ clock });
  const bus = broker.connect();
  const topology = createTopology();
  await clock.runUntilSettled(bus.ensureStream(topology.streams.tasks));
  const used: string[] = [];
  const deaf = { ...bus, subscribe: async () => ({ stop: async () => {} }) };
  const host = { bus: deaf, topology, clock, log: () => {} };
  const queues = new RareQueues(host, ["step"], (type, priority) => used.push(`${type} ${priority}`));
  await clock.runUntilSettled(queues.start());
  const at = { shard: 1, tenant: "default", run: "r", task: "-", attempt: 1 };
  for (const [type, priority] of [
    ["other", "high"],
    ["step", "normal"],
    ["step", "low"],
  ] as const)
    await clock.runUntilSettled(bus.append(topology.subjects.task({ type, priority, ...at }), new Uint8Array(1)));
  await clock.advance(29_000);
  expect(used).toEqual([]);
  await clock.advance(2_000);
  expect(used).toEqual(["step low"]);
  await clock.runUntilSettled(queues.stop());
  expect(clock.pending).toBe(0);
});
