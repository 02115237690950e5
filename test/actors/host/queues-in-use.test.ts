import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { expect, test } from "vitest";
import { worker } from "../../../src/index.ts";
import { eventually } from "../../contract/wait.ts";
import { describeOnNats, describeShared } from "../../support/runtime.ts";

const step = worker("step", { run: ({ task }) => task });

describeShared("tasks of high and low priority", (runtime) => {
  test("that were queued while no worker was there are taken by the next", async () => {
    const app = await runtime.start({ workers: [] });
    const first = await runtime.start({ orchestrator: false, workers: [step] });
    await app.run("step", {});
    await first.stop();
    for (const priority of ["high", "low"] as const) await app.submit("step", {}, { run: priority, priority });
    await runtime.start({ orchestrator: false, workers: [step] });
    for (const run of ["high", "low"]) expect(await app.result(run)).toBe("-");
  });

  test("are taken by every worker of the type that is there when the first one comes", async () => {
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
    await Promise.all([1, 2].map(() => app.run("step", {}, { priority: "high" })));
    expect(seen.size).toBe(2);
  });

  test("are taken after everybody was replaced", async () => {
    const app = await runtime.start({ workers: [step] });
    await app.run("step", {}, { priority: "low" });
    await app.stop();
    const later = await runtime.start({ workers: [step] });
    expect(await later.run("step", {}, { priority: "low" })).toBe("-");
  });

  test("keep a worker that stops from giving back what it is given meanwhile", async () => {
    const executed: string[] = [];
    const open = Promise.withResolvers<void>();
    const slow = worker("slow", {
      run: async ({ run }) => {
        executed.push(run);
        await open.promise;
      },
    });
    const app = await runtime.start({ workers: [] });
    const crew = await runtime.start({ orchestrator: false, workers: [slow], concurrency: 10 });
    const runs = Array.from({ length: 10 }, (_, i) => `r${i}`);
    for (const run of runs) await app.submit("slow", {}, { run });
    await eventually("all of them", () => executed.length === 10);
    for (const run of ["h1", "h2"]) await app.submit("slow", {}, { run, priority: "high" });
    const stopped = crew.stop({ graceMs: 5000 });
    open.resolve();
    await stopped;
    await runtime.start({ orchestrator: false, workers: [slow] });
    for (const run of [...runs, "h1", "h2"]) expect(await app.result(run)).toBeNull();
    expect(executed.filter((run) => !run.startsWith("h"))).toHaveLength(10);
  });
});

describeOnNats("on the server", (runtime) => {
  test("a type has one consumer until a task of another priority comes", async () => {
    const app = await runtime.start({ workers: [step] });
    await using connection = await connectedTo(runtime.server.url);
    const manager = await jetstreamManager(connection.nc);
    const consumers = async () => {
      const found = await manager.consumers.list(`${runtime.prefix.toUpperCase()}_TASKS`).next();
      return found.map(({ name }) => name).sort();
    };
    await app.run("step", {});
    expect(await consumers()).toEqual(["step_normal"]);
    await app.run("step", {}, { priority: "low" });
    expect(await consumers()).toEqual(["step_low", "step_normal"]);
  });
});

async function connectedTo(servers: string) {
  const nc = await connect({ servers });
  return { nc, [Symbol.asyncDispose]: () => nc.close() };
}
