import { describe, expect, onTestFinished, test } from "vitest";
import { createMemoryBroker } from "../../../src/bus/memory/bus.ts";
import { connectNats } from "../../../src/bus/nats/bus.ts";
import type { Bus } from "../../../src/bus/port.ts";
import { createTopology } from "../../../src/bus/topology.ts";
import { encodeJson } from "../../../src/core/json.ts";
import { createVirtualClock } from "../../../src/core/virtual-clock.ts";
import { plan, RetryableError, type Tutti, type TuttiOptions, type WatchEvent, worker } from "../../../src/index.ts";
import { tutti } from "../../../src/tutti.ts";
import { eventually } from "../../contract/wait.ts";
import { describeOnNats } from "../../support/runtime.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Leases of hours, so that months of renewals are no matter. */
const timing = { presenceTtlMs: 6 * HOUR_MS, ackWaitMs: 6 * HOUR_MS };
/** Larger than a message may be, so that they travel by reference. */
const BULK = "x".repeat(300_000);

/** A log that is kept for seven days, and processes that come and go, in virtual time. */
function createStage() {
  const clock = createVirtualClock();
  const broker = createMemoryBroker({ clock });
  const passing = <T>(promise: Promise<T>) => clock.runUntilSettled(promise);
  const executed: string[] = [];
  const gates = { one: Promise.withResolvers<string>(), two: Promise.withResolvers<string>() };
  const note = (task: string) => void executed.push(task);
  const workers = [
    worker("bulk", {
      run({ task }) {
        note(task);
        return { bulk: BULK };
      },
    }),
    worker("wait", {
      run({ task, input }) {
        note(task);
        return gates[(input as { gate: "one" | "two" }).gate].promise;
      },
    }),
    worker("join", {
      run({ task, input }) {
        note(task);
        const { bulk, ...rest } = input as { bulk: { bulk: string }; one: string; two: string };
        return { characters: bulk.bulk.length, ...rest };
      },
    }),
    worker("slow-plan", {
      run: () =>
        plan((p) => {
          const bulk = p.task("bulk", {}, { key: "bulk" });
          const one = p.task("wait", { gate: "one" }, { key: "one" });
          const two = p.task("wait", { gate: "two" }, { key: "two", needs: [one] });
          return p.task("join", { bulk: bulk.output, one: one.output, two: two.output }, { key: "join" });
        }),
    }),
  ];
  const logged: string[] = [];
  const onLog = (level: string, message: string) => {
    if (level === "warn" || level === "error") logged.push(message);
  };
  const begin = (options: TuttiOptions, bus: Bus = broker.connect()): Promise<Tutti> =>
    passing(tutti({ env: {}, shards: 1, timing, onLog, ...options }, { clock, bus }));
  const stage = {
    clock,
    broker,
    passing,
    executed,
    gates,
    logged,
    topology: createTopology(),
    orchestrator: (bus?: Bus) => begin({}, bus),
    crew: (own = workers) => begin({ orchestrator: false, workers: own }),
    /** Days in which the orchestrator is replaced every four. Returns the last one. */
    async pass(days: number, first: Tutti): Promise<Tutti> {
      let current = first;
      for (let day = 0; day < days; day += 4) {
        await clock.advance(Math.min(4, days - day) * DAY_MS);
        await passing(current.stop({ graceMs: 0 }));
        current = await stage.orchestrator();
      }
      return current;
    },
  };
  return stage;
}

const input = { why: "because" };

describe("a run that takes three months, in a log of seven days", () => {
  test("ends as if it had taken a minute, whoever owned it meanwhile", async () => {
    const stage = createStage();
    const { passing, gates } = stage;
    const crew = await stage.crew();
    let owner = await stage.orchestrator();
    await passing(crew.submit("slow-plan", input, { run: "r", requester: "test" }));
    await stage.clock.advance(1000);
    const before = await passing(owner.get("r"));
    const began = await passing(owner.log("r"));
    owner = await stage.pass(45, owner);
    gates.one.resolve("first");
    owner = await stage.pass(45, owner);
    const view = await passing(owner.get("r"));
    expect(view).toMatchObject({ status: "running", submittedAt: before.submittedAt, trace: before.trace });
    expect(view.tasks.map(({ task, state }) => `${task} ${state}`)).toEqual([
      "- expanded",
      "bulk succeeded",
      "one succeeded",
      "two ready",
      "join blocked",
    ]);
    // The log goes on telling everything, each event at its own time.
    const log = await passing(owner.log("r"));
    expect(log.slice(0, began.length)).toEqual(began);
    expect(log.filter(({ event }) => event === "submitted")).toHaveLength(1);
    gates.two.resolve("second");
    await stage.clock.advance(1000);
    expect(await passing(owner.result("r"))).toEqual({ characters: BULK.length, one: "first", two: "second" });
    expect((await passing(owner.get("r"))).totals).toMatchObject({ tasks: 5, succeeded: 5, executions: 5 });
    expect(stage.executed).toEqual(["bulk", "one", "two", "join"]);
    expect(stage.logged).toEqual([]);
    await passing(owner.stop());
    await passing(crew.stop());
  });

  test("keeps its id: the same request is the same run, another one a conflict", async () => {
    const stage = createStage();
    const { passing, gates, clock } = stage;
    const crew = await stage.crew();
    let owner = await stage.orchestrator();
    await passing(crew.submit("wait", { gate: "one" }, { run: "r" }));
    owner = await stage.pass(30, owner);
    await expect(passing(crew.submit("wait", { gate: "two" }, { run: "r" }))).rejects.toMatchObject({ code: 409 });
    const again = crew.run("wait", { gate: "one" }, { run: "r" });
    await clock.advance(1000);
    gates.one.resolve("once");
    expect(await passing(again)).toBe("once");
    expect(stage.executed).toHaveLength(1);
    // Once everything of it has gone, so that it may be another run.
    await clock.advance(8 * DAY_MS);
    gates.two.resolve("another");
    expect(await passing(crew.run("wait", { gate: "two" }, { run: "r" }))).toBe("another");
    await passing(owner.stop());
    await passing(crew.stop());
  });

  test("is listed once, in its place, and can be watched and cancelled", async () => {
    const stage = createStage();
    const { passing, clock, gates } = stage;
    const crew = await stage.crew();
    let owner = await stage.orchestrator();
    await passing(crew.submit("slow-plan", input, { run: "old" }));
    gates.two.resolve("at once");
    owner = await stage.pass(30, owner);
    await passing(crew.run("wait", { gate: "two" }, { run: "new" }));
    await clock.advance(4 * DAY_MS);
    const list = await passing(owner.list());
    expect(list.map(({ run, status }) => `${run} ${status}`)).toEqual(["new succeeded", "old running"]);
    expect(list[1]!.submittedAt).toBe("2025-01-01T00:00:00.000Z");
    const events: WatchEvent[] = [];
    const watching = (async () => {
      for await (const event of crew.watch("old")) events.push(event);
    })();
    await clock.advance(1000);
    await passing(crew.cancel("old", { reason: "long enough" }));
    await passing(watching);
    const told = events.map((event) =>
      event.kind === "task" ? `${event.task.task} ${event.task.state}` : event.kind === "run" && event.run.status,
    );
    // First as it stands, whatever the log still has of how that came about.
    expect(told.slice(0, 2)).toEqual(["running", "- expanded"]);
    expect(told.slice(2, 4).sort()).toEqual(["bulk succeeded", "one ready"]);
    expect(told.at(-1)).toBe("cancelled");
    expect(stage.executed).toEqual(["bulk", "one", "-"]);
    await passing(owner.stop());
    await passing(crew.stop());
  });

  test("is told its moments: a backoff of thirty days, and a deadline of sixty", async () => {
    const stage = createStage();
    const { passing, clock } = stage;
    const attempts: number[] = [];
    const late = worker("late", {
      retry: { attempts: 5 },
      run({ attempt }) {
        attempts.push(clock.now());
        throw new RetryableError(`attempt ${attempt}`, { retryAfterMs: 25 * DAY_MS });
      },
    });
    const crew = await stage.crew([late]);
    let owner = await stage.orchestrator();
    await passing(crew.submit("late", {}, { run: "r", deadline: "60d" }));
    owner = await stage.pass(59, owner);
    const days = attempts.map((at) => (at - attempts[0]!) / DAY_MS);
    expect(days.map(Math.floor)).toEqual([0, 25, 50]);
    expect((await passing(owner.get("r"))).status).toBe("running");
    await clock.advance(2 * DAY_MS);
    await expect(passing(owner.result("r"))).rejects.toMatchObject({ code: 408 });
    const { submittedAt, endedAt } = await passing(owner.get("r"));
    const tookDays = (Date.parse(endedAt!) - Date.parse(submittedAt)) / DAY_MS;
    expect(tookDays).toBeCloseTo(60, 3);
    await passing(owner.stop());
    await passing(crew.stop());
  });

  test("has its tasks wait on the queue for weeks, whatever their inputs refer to", async () => {
    const stage = createStage();
    const { passing, clock } = stage;
    const seen: number[] = [];
    const measure = worker("measure", {
      run({ input }) {
        seen.push(JSON.stringify(input).length);
        return "measured";
      },
    });
    const two = worker("two", {
      run: () =>
        plan((p) => {
          const bulk = p.task("bulk", {}, { key: "bulk" });
          return p.task("measure", { bulk: bulk.output }, { key: "measure" });
        }),
    });
    // The type is known, and nobody executes it.
    const visitor = await stage.crew([measure]);
    await passing(visitor.stop());
    const bulk = worker("bulk", { run: () => ({ bulk: BULK }) });
    const crew = await stage.crew([bulk, two]);
    let owner = await stage.orchestrator();
    await passing(crew.submit("two", {}, { run: "planned" }));
    await passing(crew.submit("measure", { bulk: BULK }, { run: "asked" }));
    owner = await stage.pass(30, owner);
    expect(seen).toEqual([]);
    const late = await stage.crew([measure]);
    await clock.advance(1000);
    expect(await passing(owner.result("planned"))).toBe("measured");
    expect(await passing(owner.result("asked"))).toBe("measured");
    expect(seen.every((length) => length > BULK.length)).toBe(true);
    for (const one of [owner, crew, late]) await passing(one.stop());
  });

  test("keeps what comes between its events being read and carried", async () => {
    const stage = createStage();
    const { passing, clock, gates, topology } = stage;
    const crew = await stage.crew();
    // The first time that it is carried, a result comes first.
    let carries = 0;
    const raw = stage.broker.connect();
    const bus: Bus = {
      ...raw,
      append: async (subject, data, options) => {
        if (subject.endsWith(".carried") && ++carries === 1) {
          gates.one.resolve("in between");
          await new Promise<void>((resolve) => clock.timer(1000, resolve));
        }
        return raw.append(subject, data, options);
      },
    };
    const owner = await stage.orchestrator(bus);
    await passing(crew.submit("slow-plan", input, { run: "r" }));
    await clock.advance(4 * DAY_MS);
    expect(carries).toBe(1);
    const log = await passing(owner.log("r"));
    expect(log.map(({ event }) => event)).toEqual(["submitted", "result", "result", "result", "carried"]);
    await passing(owner.stop({ graceMs: 0 }));
    // Until what stands before the copy has gone, and nobody has carried it again.
    await clock.advance(3.4 * DAY_MS);
    const next = await stage.orchestrator();
    expect(await passing(stage.broker.connect().getMessage(topology.streams.log.name, 1))).toBeUndefined();
    expect((await passing(next.get("r"))).tasks.find(({ task }) => task === "one")!.state).toBe("succeeded");
    gates.two.resolve("after");
    await clock.advance(1000);
    expect(await passing(next.result("r"))).toMatchObject({ one: "in between", two: "after" });
    expect(stage.executed).toEqual(["bulk", "one", "two", "join"]);
    for (const one of [next, crew]) await passing(one.stop());
  });
});

describe("a carried run", () => {
  test("is not harmed by what a former owner carries too late", async () => {
    const stage = createStage();
    const { passing, clock, gates } = stage;
    const crew = await stage.crew();
    const raw = stage.broker.connect();
    let held: (() => void) | undefined;
    const bus: Bus = {
      ...raw,
      append: (subject, data, options) => {
        if (!subject.endsWith(".carried")) return raw.append(subject, data, options);
        return new Promise((resolve) => {
          held = () => resolve(raw.append(subject, data, options));
        });
      },
    };
    const first = await stage.orchestrator(bus);
    await passing(crew.submit("slow-plan", input, { run: "r" }));
    await clock.advance(4 * DAY_MS);
    expect(held).toBeDefined();
    // It is gone, as far as the others can see, and its last message is still on its way.
    const stopping = first.stop({ graceMs: 0 });
    let owner = await stage.orchestrator();
    await clock.advance(DAY_MS);
    gates.one.resolve("first");
    await clock.advance(DAY_MS);
    held!();
    await passing(stopping);
    owner = await stage.pass(20, owner);
    gates.two.resolve("second");
    await clock.advance(1000);
    expect(await passing(owner.result("r"))).toMatchObject({ one: "first", two: "second" });
    expect(stage.executed).toEqual(["bulk", "one", "two", "join"]);
    for (const one of [owner, crew]) await passing(one.stop());
  });

  test("is told from the one that had its id before", async () => {
    const stage = createStage();
    const { passing, clock, gates, topology } = stage;
    const crew = await stage.crew();
    const owner = await stage.orchestrator();
    // The end of an earlier run of that id is still there when its beginning has gone.
    const totals = { tasks: 1, succeeded: 1, failed: 0, cancelled: 0, executions: 1 };
    const ended = encodeJson({ v: 1, status: "succeeded", output: "of old", totals });
    await passing(stage.broker.connect().append(topology.subjects.log("default", 0, "r", "ended"), ended));
    const running = crew.run("wait", { gate: "one" }, { run: "r" });
    await clock.advance(1000);
    expect((await passing(owner.get("r"))).status).toBe("running");
    expect((await passing(owner.list()))[0]!.status).toBe("running");
    gates.one.resolve("of now");
    expect(await passing(running)).toBe("of now");
    expect((await passing(owner.get("r"))).output).toBe("of now");
    for (const one of [owner, crew]) await passing(one.stop());
  });
});

describeOnNats("a run that takes longer than the log is kept", (runtime) => {
  const nats = { maxAge: 4000, timing: { presenceTtlMs: 1000, ackWaitMs: 2000 } };

  test("goes on over replaced orchestrators, with its blobs, and ends", async () => {
    const gate = Promise.withResolvers<string>();
    const executed: string[] = [];
    const workers = [
      worker("bulk", {
        run({ task }) {
          executed.push(task);
          return { bulk: BULK };
        },
      }),
      worker("wait", {
        run({ task }) {
          executed.push(task);
          return gate.promise;
        },
      }),
      worker("join", { run: ({ input }) => (input as { bulk: { bulk: string } }).bulk.bulk.length }),
      worker("slow-plan", {
        run: () =>
          plan((p) => {
            const bulk = p.task("bulk", {}, { key: "bulk" });
            const wait = p.task("wait", {}, { key: "wait" });
            return p.task("join", { bulk: bulk.output, wait: wait.output }, { key: "join" });
          }),
      }),
    ];
    const crew = await runtime.start({ ...nats, orchestrator: false, workers });
    let owner = await runtime.start(nats);
    await crew.submit("slow-plan", { large: BULK }, { run: "r" });
    const { submittedAt } = await owner.get("r");
    const bus = await connectNats({ servers: runtime.server.url });
    onTestFinished(() => bus.close());
    const { subjects, streams } = createTopology({ prefix: runtime.prefix });
    const carried = subjects.logOfRun("default", "r", "carried");
    let last = 0;
    for (let i = 0; i < 4; i++) {
      // Once more before its events are too old, by whoever owns it then.
      await eventually(
        "the run to be carried",
        async () => (await bus.lastSequence(streams.log.name, carried)) > last,
        30_000,
      );
      last = await bus.lastSequence(streams.log.name, carried);
      const next = await runtime.start(nats);
      await owner.stop();
      owner = next;
    }
    expect(await bus.getMessage(streams.log.name, 1)).toBeUndefined();
    expect(await owner.get("r")).toMatchObject({ status: "running", submittedAt });
    await expect(crew.submit("slow-plan", {}, { run: "r" })).rejects.toMatchObject({ code: 409 });
    gate.resolve("done");
    expect(await crew.result("r")).toBe(BULK.length);
    expect(executed.toSorted()).toEqual(["bulk", "wait"]);
    expect((await owner.log("r"))[0]).toMatchObject({ event: "submitted", at: submittedAt });
  }, 180_000);
});
