import { describe, expect, it } from "vitest";
import { createActor, initialTransition, type SnapshotFrom, transition } from "xstate";
import { getShortestPaths, getSimplePaths } from "xstate/graph";
import { AttemptAborted } from "../../src/actors/worker/attempt.ts";
import { type WorkerMachineEvent, workerMachine } from "../../src/machines/worker.ts";
import { createWorkerBench, type WorkerBench } from "../support/worker-bench.ts";

/** Every path of the chart is played against a worker process on the in-process bus, with handlers that end when told to. */
const CONCURRENCY = 2;
/** Long enough for the process to tell its state many times while it drains. */
const GRACE_MS = 60_000;

const EVENTS: readonly WorkerMachineEvent[] = [
  { type: "started" },
  ...[0, 1, 2].map((running) => ({ type: "load", running }) as const),
  { type: "drain" },
  { type: "graceOver" },
];

type Snapshot = SnapshotFrom<typeof workerMachine>;

const options = {
  input: { concurrency: CONCURRENCY },
  events: () => EVENTS,
  /** What can come about: nothing is taken before the queues are open, and nothing more while draining. */
  filterEvents: (before: Snapshot, event: WorkerMachineEvent) =>
    before.status === "active" &&
    (event.type !== "load" ||
      (before.value !== "starting" && (before.value !== "draining" || event.running < before.context.running))),
  serializeState: ({ value, context }: Snapshot) => `${nameOf(value)} ${context.running}`,
};

const nameOf = (value: Snapshot["value"]): string => (typeof value === "string" ? value : value.working!);
const describeEvent = (event: WorkerMachineEvent) => (event.type === "load" ? `load ${event.running}` : event.type);

async function tell(bench: WorkerBench, event: WorkerMachineEvent, stopped: Promise<void>[]): Promise<void> {
  const { clock, held, process } = bench;
  switch (event.type) {
    case "started":
      return clock.runUntilSettled(process.start());
    case "load":
      await bench.queue(Math.max(0, event.running - held.size));
      for (const attempt of [...held].slice(event.running)) attempt.finish();
      return clock.runUntil(() => held.size === event.running);
    case "drain":
      stopped.push(process.stop(GRACE_MS));
      return clock.settle();
    case "graceOver":
      return clock.advance(GRACE_MS);
  }
}

/** Checks the process against the chart. */
async function expectState(bench: WorkerBench, state: Snapshot, stopped: readonly Promise<void>[]): Promise<void> {
  const presence = await bench.presence();
  const expected = nameOf(state.value);
  if (expected === "starting" || expected === "stopped") expect(presence).toBeUndefined();
  else expect(presence).toMatchObject({ state: expected, running: state.context.running });
  if (expected === "stopped") await bench.clock.runUntilSettled(stopped[0]!);
}

async function expectEffects(bench: WorkerBench, effects: readonly string[]): Promise<void> {
  if (effects.includes("closeIntake")) {
    const before = bench.held.size;
    await bench.queue(1);
    await bench.clock.advance(1000);
    expect(bench.held.size).toBe(before);
  }
  if (!effects.includes("abortAll")) return;
  for (const { signal } of bench.held)
    expect(signal.reason).toMatchObject(new AttemptAborted("stopping", signal.reason.message));
  // Handed back: nobody has acknowledged them.
  expect(await bench.queued()).toBeGreaterThanOrEqual(bench.held.size);
}

const paths = getSimplePaths(workerMachine, options).map(({ steps }) => steps.slice(1));

describe("a worker process follows its chart", () => {
  it.each(
    paths.map((steps) => [steps.map(({ event }) => describeEvent(event)).join(" → ") || "nothing yet", steps] as const),
  )("%s", async (_, steps) => {
    await using bench = await createWorkerBench(CONCURRENCY);
    const stopped: Promise<void>[] = [];
    let [before] = initialTransition(workerMachine, options.input);
    await expectState(bench, before, stopped);
    for (const { event, state } of steps) {
      await tell(bench, event, stopped);
      await expectState(bench, state, stopped);
      await expectEffects(
        bench,
        transition(workerMachine, before, event)[1].map(({ type }) => type),
      );
      before = state;
    }
    expect(bench.log).toEqual([]);
  });

  it("can come into every state of its chart", () => {
    const states = getShortestPaths(workerMachine, options).map(({ state }) => nameOf(state.value));
    expect(new Set(states)).toEqual(new Set(["starting", "idle", "busy", "saturated", "draining", "stopped"]));
  });

  it("drains without waiting out its grace period, however little its machine has heard of the load", async () => {
    await using bench = await createWorkerBench(CONCURRENCY);
    const { clock, held, process } = bench;
    await clock.runUntilSettled(process.start());
    await bench.queue(1);
    await clock.runUntil(() => held.size === 1);
    const stopped = process.stop(GRACE_MS);
    for (const attempt of [...held]) attempt.finish();
    const since = clock.monotonic();
    await clock.runUntilSettled(stopped);
    expect(clock.monotonic() - since).toBeLessThan(GRACE_MS / 10);
  });

  it("counts what it took before it was told to have started", () => {
    const worker = createActor(workerMachine, { input: options.input }).start();
    worker.send({ type: "load", running: 1 });
    worker.send({ type: "started" });
    expect(worker.getSnapshot().value).toEqual({ working: "busy" });
  });

  it("drains what it took before it was told to have started", () => {
    const worker = createActor(workerMachine, { input: options.input }).start();
    worker.send({ type: "load", running: 1 });
    worker.send({ type: "drain" });
    expect(worker.getSnapshot().value).toBe("draining");
    worker.send({ type: "load", running: 0 });
    expect(worker.getSnapshot().value).toBe("stopped");
  });
});
