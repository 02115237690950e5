import { expect, test } from "vitest";
import { assignShards } from "../../src/core/assignment.ts";
import { encodeJson } from "../../src/core/json.ts";
import { plan, worker } from "../../src/index.ts";
import { eventually } from "../contract/wait.ts";
import { connectPlainly } from "../support/plain-client.ts";
import { startProxy } from "../support/proxy.ts";
import { describeOnNats, type NatsRuntime } from "../support/runtime.ts";
import { startRuntimeProcess } from "../support/runtime-process.ts";
import { watchShards } from "../support/shard-watch.ts";

const SHARDS = 4;
const LEASE_MS = 2000;
const timing = { ackWaitMs: 5000, presenceTtlMs: LEASE_MS };
const TASKS = 200;

const startOrchestrator = (runtime: NatsRuntime, id: string) =>
  startRuntimeProcess({ bus: runtime.server.url, prefix: runtime.prefix, shards: SHARDS, timing, id });
const watch = (runtime: NatsRuntime, shards = SHARDS) => watchShards(runtime.server.url, runtime.prefix, shards);

/** A wide plan whose tasks stop half way until they are let go on. */
function gatedWorkers() {
  const gate = Promise.withResolvers<void>();
  const half = Promise.withResolvers<void>();
  const executions = new Map<string, number>();
  const item = worker("item", {
    async run({ task }) {
      executions.set(task, (executions.get(task) ?? 0) + 1);
      if (executions.size === TASKS / 2) half.resolve();
      if (executions.size > TASKS / 2) await gate.promise;
    },
  });
  const items = worker("items", {
    run: () => plan((p) => void Array.from({ length: TASKS }, (_, i) => p.task(item, {}, { key: `i${i}` }))),
  });
  const total = () => [...executions.values()].reduce((a, b) => a + b, 0);
  return { workers: [item, items], half: half.promise, openGate: gate.resolve, executions, total };
}

/** Two orchestrators that share the shards, and runs of both that stand half done until the gate opens. */
async function startHalfDone(runtime: NatsRuntime) {
  const [first, second] = await Promise.all([
    startOrchestrator(runtime, "first"),
    startOrchestrator(runtime, "second"),
  ]);
  const shards = await watch(runtime);
  await shards.balanced(["first", "second"]);
  const gated = gatedWorkers();
  const app = await runtime.start({ orchestrator: false, workers: gated.workers, concurrency: 8, timing });
  // As many as make it certain that both own some.
  const runs = ["r0", "r1", "r2", "r3", "r4", "r5"];
  const ended = Promise.all(runs.map((run) => app.run("items", {}, { run })));
  await gated.half;
  return { first, second, shards, app, runs, gated, ended, [Symbol.asyncDispose]: () => shards[Symbol.asyncDispose]() };
}

describeOnNats("an orchestrator that dies", (runtime) => {
  test("is replaced once its presence has expired, and nothing that was queued or finished is executed again", async () => {
    await using halfDone = await startHalfDone(runtime);
    const { first, second, shards, app, runs, gated } = halfDone;
    await first.kill9();
    await shards.balanced(["second"], 30_000);
    gated.openGate();
    await halfDone.ended;
    expect(gated.total()).toBe(runs.length * TASKS);
    for (const run of runs)
      expect((await app.get(run)).totals).toMatchObject({ tasks: TASKS + 1, succeeded: TASKS + 1 });
    await second.stop();
  });

  test("leaves no caller without an answer, whoever was asked", async () => {
    const gate = Promise.withResolvers<void>();
    const began: string[] = [];
    const slow = worker("slow", {
      async run({ run }) {
        began.push(run);
        await gate.promise;
        return run;
      },
    });
    const first = await startOrchestrator(runtime, "first");
    const app = await runtime.start({ orchestrator: false, workers: [slow], timing });
    const plain = await connectPlainly(runtime.server.url);
    const asked = ["p0", "p1", "p2"].map((run) =>
      plain.request(`${runtime.prefix}.run.slow`, {}, { "Tutti-Run": run }),
    );
    const waiting = ["a0", "a1"].map((run) => app.run("slow", {}, { run }));
    await eventually("all to have begun", () => began.length === 5);
    await first.kill9();
    const second = await startOrchestrator(runtime, "second");
    gate.resolve();
    expect(await Promise.all(waiting)).toEqual(["a0", "a1"]);
    expect((await Promise.all(asked)).map((one) => one.json)).toEqual(["p0", "p1", "p2"]);
    expect(began).toHaveLength(5);
    await plain.close();
    await second.stop();
  });

  test("and has not answered for a run that has ended is spoken for by the next", async () => {
    await runtime.start({
      orchestrator: false,
      workers: [worker("never", { run: () => new Promise(() => {}) })],
      timing,
    });
    const first = await startOrchestrator(runtime, "first");
    await using shards = await watch(runtime);
    await shards.balanced(["first"]);
    const plain = await connectPlainly(runtime.server.url);
    const answer = plain.request(`${runtime.prefix}.run.never`, {}, { "Tutti-Run": "r" });
    const { subjects, streams } = shards.topology;
    const submitted = await eventually("the run to be durable", () =>
      shards.bus.getLastMessage(streams.log.name, subjects.logOfRun("default", "r", "submitted")),
    );
    await first.kill9();
    // The last that it did.
    const totals = { tasks: 1, succeeded: 1, failed: 0, cancelled: 0, executions: 1 };
    const ended = encodeJson({ v: 1, status: "succeeded", output: "just so", totals });
    await shards.bus.append(submitted.subject.replace(/submitted$/, "ended"), ended);
    const second = await startOrchestrator(runtime, "second");
    expect((await answer).json).toBe("just so");
    await plain.close();
    await second.stop();
  });
});

describeOnNats("an orchestrator that is stopped for longer than its lease, and goes on", (runtime) => {
  test("does no harm, steps down, and takes part again; nothing is executed again", async () => {
    await using halfDone = await startHalfDone(runtime);
    const { first, second, shards, app, runs, gated } = halfDone;
    first.signal("SIGSTOP");
    await shards.balanced(["second"]);
    gated.openGate();
    await halfDone.ended;
    const logs = JSON.stringify(await Promise.all(runs.map((run) => app.log(run))));
    first.signal("SIGCONT");
    await shards.balanced(["first", "second"]);
    expect(first.errors).toMatch(/the lease has run out: all shards are abandoned/);
    await eventually("the queue to be empty", async () => {
      const { streams } = shards.topology;
      return (await shards.bus.listSubjects(streams.tasks.name, ">")).length === 0;
    });
    expect(gated.total()).toBe(runs.length * TASKS);
    expect(JSON.stringify(await Promise.all(runs.map((run) => app.log(run))))).toBe(logs);
    await Promise.all([first.stop(), second.stop()]);
  });
});

describeOnNats("what an orchestrator has sent", (runtime) => {
  test("and arrives after its successor has had it executed is not executed again", async () => {
    const [late] = assignShards(1, ["one", "two"]);
    const next = late === "one" ? "two" : "one";
    const proxy = await startProxy(runtime.server.url);
    const gate = Promise.withResolvers<void>();
    const began = Promise.withResolvers<void>();
    const executed: string[] = [];
    const step = worker("step", {
      async run({ task }) {
        executed.push(task);
        if (task !== "before") return;
        began.resolve();
        await gate.promise;
      },
    });
    const steps = worker("steps", {
      run: () =>
        plan((p) => {
          const before = p.task("step", {}, { key: "before" });
          p.task("step", {}, { key: "after", needs: [before] });
        }),
    });
    const options = { shards: 1, timing };
    const app = await runtime.start({ ...options, orchestrator: false, workers: [step, steps] });
    await runtime.start({ ...options, id: late!, bus: proxy.url });
    await runtime.start({ ...options, id: next });
    await using shards = await watch(runtime, 1);
    await shards.balanced([late!]);
    const ended = app.run("steps", {}, { run: "r" });
    await began.promise;
    proxy.holdUpstream();
    // Its owner hears of the result, and puts the next task on the queue; that goes no further than the network.
    gate.resolve();
    await ended;
    expect(shards.owners.get(0)).toBe(next);
    const { streams } = shards.topology;
    const before = await shards.bus.lastSequence(streams.tasks.name);
    proxy.releaseUpstream();
    await eventually("the late message to arrive", async () => {
      return (await shards.bus.lastSequence(streams.tasks.name)) > before;
    });
    await eventually("the queue to be empty", async () => {
      return (await shards.bus.listSubjects(streams.tasks.name, ">")).length === 0;
    });
    expect(executed).toEqual(["before", "after"]);
    await proxy.close();
  });
});
