import { describe, expect, test } from "vitest";
import { plan, type Tutti, TuttiError, worker } from "../../../src/index.ts";
import { eventually } from "../../contract/wait.ts";
import { describeShared } from "../../support/runtime.ts";
import { createVirtualRuntime } from "../../support/virtual-runtime.ts";

/** Attempts that wait to be let through, and what was executed. */
function gatedWorkers() {
  const executed: string[] = [];
  const opened = Promise.withResolvers<void>();
  const step = worker("step", {
    async run({ run, task }) {
      executed.push(`${run} ${task}`);
      await opened.promise;
      return task;
    },
  });
  return { step, executed, open: opened.resolve };
}

/** A run of so many steps. */
const steps = worker("steps", {
  run: ({ input }) => {
    const { n } = input as { n: number };
    return plan((p) => void Array.from({ length: n }, (_, i) => p.task("step", {}, { key: `s${i}` })));
  },
});

const outcomes = async (work: readonly Promise<unknown>[]) => {
  const settled = await Promise.allSettled(work);
  const refused = settled.flatMap((one) => (one.status === "rejected" ? [one.reason as TuttiError] : []));
  return { accepted: settled.length - refused.length, refused };
};

const runsUnderWay = async (app: Tutti) =>
  (await app.orchestrators()).reduce((sum, { runs }) => Math.max(sum, runs), 0);

describeShared("an orchestrator that takes 5 runs at once", (runtime) => {
  const limits = { runs: 5 };

  test("refuses the others with 503, saying why, and takes more once some have ended", async () => {
    const { step, executed, open } = gatedWorkers();
    const app = await runtime.start({ workers: [step], limits, concurrency: 100 });
    const flood = (name: string) =>
      Array.from({ length: 200 }, (_, i) => app.submit("step", i, { run: `${name}${i}` }));
    const { accepted, refused } = await outcomes(flood("a"));
    expect(accepted).toBe(5);
    expect(refused[0]).toBeInstanceOf(TuttiError);
    expect(refused[0]).toMatchObject({ code: 503, message: expect.stringMatching(/5 of 5 runs.*TUTTI_MAX_RUNS/) });
    await eventually("what was accepted", () => executed.length === 5);
    open();
    await eventually("room for another", () =>
      app.submit("step", 0).then(
        () => true,
        () => false,
      ),
    );
    const runs = await app.list();
    expect(runs).toHaveLength(6);
    for (const { run } of runs) await app.result(run);
    expect(executed).toHaveLength(6);
    expect(runtime.logged.filter((line) => line.includes("requests are refused"))).toHaveLength(1);
  });

  test("answers a request that is repeated, however full it is", async () => {
    const { step, open } = gatedWorkers();
    const app = await runtime.start({ workers: [step], limits });
    for (let i = 0; i < 5; i++) await app.submit("step", i, { run: `r${i}` });
    await expect(app.submit("step", 9, { run: "r9" })).rejects.toMatchObject({ code: 503 });
    await app.submit("step", 3, { run: "r3" });
    await expect(app.submit("step", "other", { run: "r3" })).rejects.toMatchObject({ code: 409 });
    open();
    await app.result("r3");
  });

  test("takes the run of another gateway's request by what its owner tells", async () => {
    const { step, open } = gatedWorkers();
    const timing = { presenceTtlMs: 1000 };
    const first = await runtime.start({ id: "first", limits, timing });
    await runtime.start({ id: "second", limits, timing });
    await runtime.start({ orchestrator: false, workers: [step] });
    await eventually("both to share", async () => {
      const told = await first.orchestrators();
      return told.length === 2 && told.every((one) => one.shards.length > 0);
    });
    const flood = async (name: string) =>
      (await outcomes(Array.from({ length: 50 }, (_, i) => first.submit("step", i, { run: `${name}${i}` })))).accepted;
    let accepted = 0;
    for (let round = 0; round < 10; round++) accepted += await flood(`r${round}-`);
    expect(accepted).toBeGreaterThanOrEqual(8);
    // In one burst, the owner and the other gateway may each fill what room there is.
    expect(accepted).toBeLessThanOrEqual(20);
    await eventually("both to tell", async () => (await first.orchestrators()).every(({ runs }) => runs >= 5));
    expect(await flood("late")).toBe(0);
    open();
    for (const { run } of await first.list({ limit: 100 })) await first.result(run);
  });
});

describeShared("stored requests", (runtime) => {
  test("wait in their stream while there is no room, and leave some to those who wait for an answer", async () => {
    const { step, executed, open } = gatedWorkers();
    const app = await runtime.start({
      workers: [step],
      limits: { runs: 5 },
      concurrency: 100,
      timing: { presenceTtlMs: 600 },
    });
    const { bus, prefix } = runtime;
    for (let i = 0; i < 100; i++) await bus.append(`${prefix}.requests.step`, new TextEncoder().encode(`${i}`));
    await eventually("the first", () => executed.length === 4);
    await eventually("the presence to tell", async () => (await runsUnderWay(app)) === 4);
    const stream = `${prefix.toUpperCase()}_REQUESTS`;
    expect(await bus.streamState(stream)).toMatchObject({ messages: 96 });
    await app.submit("step", "of one who waits");
    open();
    await eventually("all", () => executed.length === 101, 20_000);
    await eventually("an empty stream", async () => (await bus.streamState(stream)).messages === 0);
    const runs = await app.list({ limit: 200 });
    for (const { run } of runs) await app.result(run);
    expect(runs).toHaveLength(101);
  });

  test("over what their stream holds are refused by the stream itself", async () => {
    await runtime.start({ orchestrator: false, workers: [steps], limits: { requests: { messages: 2 } } });
    const { bus, prefix } = runtime;
    const publish = () => bus.append(`${prefix}.requests.steps`, new TextEncoder().encode('{"n":1}'));
    await publish();
    await publish();
    await expect(publish()).rejects.toMatchObject({ code: "full" });
  });
});

describeShared("a queue that takes 8 tasks of a type", (runtime) => {
  const limits = { queued: 8 };
  const queued = async () => {
    const { bus, prefix } = runtime;
    const subjects = await bus.listSubjects(`${prefix.toUpperCase()}_TASKS`, `${prefix}.tasks.step.>`);
    return subjects.map((subject) => subject.split(".")[6]!);
  };

  test("holds no more, two of each run, and all are executed in the end", async () => {
    const { step, executed, open } = gatedWorkers();
    const registering = await runtime.start({ orchestrator: false, workers: [step] });
    await registering.stop();
    const app = await runtime.start({ workers: [steps], limits });
    for (let i = 0; i < 6; i++) await app.submit("steps", { n: 30 }, { run: `r${i}` });
    await eventually("a full queue", async () => (await queued()).length === 8);
    const held = await queued();
    for (const run of new Set(held)) expect(held.filter((one) => one === run)).toHaveLength(2);
    open();
    await runtime.start({ orchestrator: false, workers: [step], concurrency: 3 });
    for (let i = 0; i < 6; i++) await app.result(`r${i}`);
    expect(new Set(executed).size).toBe(180);
    expect(executed).toHaveLength(180);
  });

  test("lets a small run by although a large one came first", async () => {
    const order: string[] = [];
    const step = worker("step", {
      async run({ run }) {
        order.push(run);
        await new Promise(setImmediate);
      },
    });
    const app = await runtime.start({ workers: [step, steps], limits, concurrency: 1 });
    await app.submit("steps", { n: 500 }, { run: "large" });
    await eventually("the large run", () => order.length >= 10);
    await app.submit("steps", { n: 5 }, { run: "small" });
    await app.result("small");
    const between = order.slice(order.indexOf("small"), order.lastIndexOf("small"));
    expect(order.length).toBeLessThan(400);
    expect(between.filter((run) => run === "large").length).toBeLessThan(30);
    await app.result("large");
    expect(order).toHaveLength(505);
  });

  test("forgets what waits of a run that is cancelled", async () => {
    const { step, executed, open } = gatedWorkers();
    const app = await runtime.start({ workers: [step, steps], limits, concurrency: 2 });
    await app.submit("steps", { n: 100 }, { run: "over" });
    await eventually("two of it", () => executed.length === 2);
    await app.cancel("over");
    await expect(app.result("over")).rejects.toMatchObject({ code: 499 });
    open();
    await app.run("steps", { n: 100 });
    expect(executed.filter((one) => one.startsWith("over"))).toHaveLength(2);
    expect(executed).toHaveLength(102);
  });
});

describeShared("a log that is full", (runtime) => {
  test("takes no more runs, and keeps the rest for those that it has", async () => {
    const { step, open } = gatedWorkers();
    const app = await runtime.start({ workers: [step], limits: { log: { messages: 50 } }, concurrency: 100 });
    const { accepted, refused } = await outcomes(Array.from({ length: 200 }, (_, i) => app.submit("step", i)));
    expect(accepted).toBe(40);
    expect(refused[0]).toMatchObject({
      code: 503,
      message: expect.stringMatching(/_LOG holds 40 of 50 messages.*reserved for accepted runs.*_LOG_MAX_MESSAGES/),
    });
    open();
    // All results, in one message a run, and all ends do not fit into the rest: they wait, and are repeated.
    const { bus, prefix } = runtime;
    const stream = `${prefix.toUpperCase()}_LOG`;
    await eventually("no room at all", async () => (await bus.streamState(stream)).messages === 50);
    await runtime.start({ orchestrator: false, workers: [steps], limits: { log: { messages: 1000 } } });
    const runs = await app.list({ limit: 100 });
    expect(runs).toHaveLength(40);
    for (const { run } of runs) expect(await app.result(run)).toBe("-");
    await eventually("room for another", () =>
      app.run("step", {}).then(
        () => true,
        () => false,
      ),
    );
  });

  test("has room again when what is old has expired", async () => {
    const { step, open } = gatedWorkers();
    open();
    const app = await runtime.start({ workers: [step], limits: { log: { messages: 20 } } });
    const { bus, prefix } = runtime;
    await eventually("a full log", () =>
      app.submit("step", 1).then(
        () => false,
        (error) => error.code === 503,
      ),
    );
    const definition = {
      name: `${prefix.toUpperCase()}_LOG`,
      subjects: [`${prefix}.log.>`],
      retention: "limits",
    } as const;
    await bus.ensureStream({ ...definition, maxMessages: 20, maxAgeMs: 1000 });
    await eventually(
      "room",
      () =>
        app.run("step", 2).then(
          (output) => output === "-",
          () => false,
        ),
      60_000,
    );
  });
});

describe("what a worker has made while there is no room", () => {
  test("waits in it longer than the ack wait, and no task is executed twice", async () => {
    await using runtime = createVirtualRuntime();
    const { clock, passing, bus, until } = runtime;
    const { step, executed, open } = gatedWorkers();
    open();
    const timing = { ackWaitMs: 1000, presenceTtlMs: 600 };
    const app = await runtime.start({ limits: { log: { messages: 12 } }, timing });
    await runtime.start({ orchestrator: false, workers: [step, steps], concurrency: 1, timing });
    const ended = app.run("steps", { n: 30 });
    await until("no room at all", async () => (await passing(bus.streamState("TUTTI_LOG"))).messages === 12);
    await clock.advance(20 * timing.ackWaitMs);
    expect(executed.length).toBeLessThan(30);
    await runtime.start({
      orchestrator: false,
      workers: [worker("other", { run: () => 1 })],
      limits: { log: { messages: 1000 } },
    });
    await passing(ended);
    expect(executed).toHaveLength(30);
  });

  test("is stored again in the object store, beyond its task's timeout, and its task is executed once", async () => {
    await using runtime = createVirtualRuntime();
    let executions = 0;
    const large = worker("large", {
      timeout: "1s",
      run: () => {
        executions++;
        return "x".repeat(3_000_000);
      },
    });
    const app = await runtime.start({ workers: [large], limits: { blobs: { bytes: "2MiB" } } });
    const ended = app.run("large", {});
    await runtime.until("its refusal", () => runtime.logged.some((line) => line.includes("is not stored yet")));
    await runtime.clock.advance(10_000);
    await runtime.start({ orchestrator: false, workers: [steps], limits: { blobs: { bytes: "10MB" } } });
    expect(await runtime.passing(ended)).toHaveLength(3_000_000);
    expect(executions).toBe(1);
  });
});
