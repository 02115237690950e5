import { describe, expect, it } from "vitest";
import { createActor, initialTransition, type SnapshotFrom, transition } from "xstate";
import { getShortestPaths } from "xstate/graph";
import { AttemptAborted } from "../../src/actors/attempt/outcome.ts";
import { type WorkerMachineEvent, workerMachine } from "../../src/machines/worker.ts";
import { createWorkerBench, type WorkerBench } from "../support/worker-bench.ts";

/** Every path of the chart is played against a worker process on the in-process bus, with handlers that end when told to. */
const CONCURRENCY = 2;
/** Long enough for the process to tell its state many times while it drains. */
const GRACE_MS = 60_000;

/** What happens to a worker: its chart's own events, and what the work that the chart has begun comes to. */
type Happening = WorkerMachineEvent | { readonly type: "opened" | "graceOver" };

const EVENTS: readonly Happening[] = [
  { type: "opened" },
  ...[0, 1, 2].map((running) => ({ type: "load", running }) as const),
  ...[0, 1, 2].map((running) => ({ type: "drain", running, graceMs: GRACE_MS }) as const),
  { type: "graceOver" },
];

/** As XState names them. */
const INTERNAL = { opened: "xstate.done.actor.open", graceOver: "xstate.after.grace.worker.draining" } as const;

type Snapshot = SnapshotFrom<typeof workerMachine>;
const stateOf = ({ value }: Snapshot): string => (typeof value === "string" ? value : value.working!);
const describeEvent = (event: Happening) => ("running" in event ? `${event.type} ${event.running}` : event.type);

/** One happening, and what follows from it at once: what is aborted is handed back, and who leaves has left. */
function step(before: Snapshot, event: Happening): { state: Snapshot; effects: readonly string[] } {
  const type = event.type in INTERNAL ? INTERNAL[event.type as keyof typeof INTERNAL] : event.type;
  let [state, actions] = transition(workerMachine, before, { ...event, type } as WorkerMachineEvent);
  const effects = actions.map((action): string => action.type);
  if (state.value === "handingBack") [state] = transition(workerMachine, state, { type: "load", running: 0 });
  const left = { type: "xstate.done.actor.leave" } as unknown as WorkerMachineEvent;
  if (state.value === "leaving") [state, actions] = transition(workerMachine, state, left);
  return { state, effects };
}

/** What can come about: nothing is taken before the queues are open, and nothing more while the worker drains. */
function canHappen(before: Snapshot, event: Happening): boolean {
  if (before.status !== "active") return false;
  if (event.type === "drain") return event.running === before.context.running;
  if (event.type !== "load") return event.type === "graceOver" || before.value === "starting";
  return before.value !== "starting" && (before.value !== "draining" || event.running < before.context.running);
}

interface Path {
  readonly events: readonly Happening[];
  readonly state: Snapshot;
}

const keyOf = (state: Snapshot) => `${stateOf(state)} ${state.context.running}`;

/** Every path that comes to no state twice. */
function pathsFrom(path: Path, seen: ReadonlySet<string>): Path[] {
  const further = EVENTS.filter((event) => canHappen(path.state, event)).flatMap((event) => {
    const { state } = step(path.state, event);
    const key = keyOf(state);
    return seen.has(key) ? [] : pathsFrom({ events: [...path.events, event], state }, new Set([...seen, key]));
  });
  return [path, ...further];
}

const [first] = initialTransition(workerMachine, { concurrency: CONCURRENCY });
const paths = pathsFrom({ events: [], state: first }, new Set([keyOf(first)]));

async function play(bench: WorkerBench, event: Happening, stopped: Promise<void>[]): Promise<void> {
  const { clock, held, process } = bench;
  switch (event.type) {
    case "opened":
      return clock.runUntilSettled(process.start());
    case "load":
      await bench.queue(Math.max(0, event.running - held.size));
      for (const attempt of [...held].slice(event.running)) attempt.finish();
      return clock.runUntil(() => held.size === event.running);
    case "drain":
      stopped.push(process.stop(event.graceMs));
      return clock.settle();
    case "graceOver":
      return clock.advance(GRACE_MS);
  }
}

/** Checks the process against the chart. */
async function expectState(bench: WorkerBench, state: Snapshot, stopped: readonly Promise<void>[]): Promise<void> {
  const presence = await bench.presence();
  const expected = stateOf(state);
  if (expected === "starting" || expected === "stopped") expect(presence).toBeUndefined();
  else expect(presence).toMatchObject({ state: expected, running: state.context.running });
  if (expected === "stopped") await bench.clock.runUntilSettled(stopped[0]!);
}

async function expectEffects(bench: WorkerBench, effects: readonly string[]): Promise<void> {
  if (effects.includes("closeQueues")) {
    const before = bench.held.size;
    await bench.queue(1);
    await bench.clock.advance(1000);
    expect(bench.held.size).toBe(before);
  }
  if (!effects.includes("abortAttempts")) return;
  for (const { signal } of bench.held)
    expect(signal.reason).toMatchObject(new AttemptAborted("stopping", signal.reason.message));
  // Handed back: no worker has acknowledged them.
  expect(await bench.queued()).toBeGreaterThanOrEqual(bench.held.size);
}

describe("a worker process follows its chart", () => {
  it.each(paths.map(({ events }) => [events.map(describeEvent).join(" → ") || "nothing yet", events] as const))(
    "%s",
    async (_, events) => {
      await using bench = await createWorkerBench(CONCURRENCY);
      const stopped: Promise<void>[] = [];
      let before = first;
      await expectState(bench, before, stopped);
      for (const event of events) {
        const { state, effects } = step(before, event);
        await play(bench, event, stopped);
        await expectState(bench, state, stopped);
        await expectEffects(bench, effects);
        before = state;
      }
      expect(bench.log).toEqual([]);
    },
  );

  it("can come into every state of its chart", () => {
    const states = getShortestPaths(workerMachine, {
      input: { concurrency: CONCURRENCY },
      events: [
        ...EVENTS.filter((event): event is WorkerMachineEvent => "running" in event),
        ...Object.values(INTERNAL).map((type) => ({ type }) as unknown as WorkerMachineEvent),
        { type: "xstate.done.actor.leave" } as unknown as WorkerMachineEvent,
      ],
      limit: 1000,
    }).map(({ state }) => stateOf(state));
    expect(new Set(states)).toEqual(
      new Set(["starting", "idle", "busy", "saturated", "draining", "handingBack", "leaving", "stopped"]),
    );
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

  it("says in its first presence that it is working", async () => {
    await using bench = await createWorkerBench(CONCURRENCY);
    await bench.clock.runUntilSettled(bench.process.start());
    expect(await bench.presenceNow()).toMatchObject({ state: "idle" });
  });

  it("goes on with an attempt until the grace period is over, and not a millisecond longer", async () => {
    await using bench = await createWorkerBench(CONCURRENCY);
    const { clock, held, process } = bench;
    await clock.runUntilSettled(process.start());
    await bench.queue(1);
    await clock.runUntil(() => held.size === 1);
    const [attempt] = held;
    const stopped = process.stop(GRACE_MS);
    await clock.advance(GRACE_MS - 1);
    expect(attempt!.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(attempt!.signal.reason).toMatchObject({ why: "stopping" });
    await clock.runUntilSettled(stopped);
    expect(await bench.queued()).toBe(1);
  });

  it("leaves a second after its grace period, whatever cannot be stored", async () => {
    await using bench = await createWorkerBench(CONCURRENCY);
    const { clock, held, process } = bench;
    await clock.runUntilSettled(process.start());
    await bench.queue(1);
    await clock.runUntil(() => held.size === 1);
    bench.refuse("results");
    for (const attempt of [...held]) attempt.finish();
    const since = clock.monotonic();
    await clock.runUntilSettled(process.stop(GRACE_MS));
    expect(clock.monotonic() - since).toBeGreaterThanOrEqual(GRACE_MS + 1000);
    // What the committer repeats ends with its pause.
    expect(clock.monotonic() - since).toBeLessThan(GRACE_MS + 7000);
    expect(await bench.queued()).toBe(1);
  });

  it("gives back what it has opened when it cannot start, and says why", async () => {
    await using bench = await createWorkerBench(CONCURRENCY);
    const { clock, process } = bench;
    bench.refuse("queues");
    await expect(clock.runUntilSettled(process.start())).rejects.toThrow("no queue for you");
    await clock.runUntilSettled(process.stop(GRACE_MS));
    expect(await bench.presence()).toBeUndefined();
  });

  it("counts what it took before all queues were open", () => {
    const worker = createActor(workerMachine, { input: { concurrency: CONCURRENCY } }).start();
    worker.send({ type: "load", running: 1 });
    expect(worker.getSnapshot()).toMatchObject({ value: "starting", context: { running: 1 } });
    worker.send({ type: "drain", running: 1, graceMs: GRACE_MS });
    expect(worker.getSnapshot().value).toBe("draining");
    worker.send({ type: "load", running: 0 });
    expect(worker.getSnapshot().value).toBe("leaving");
    worker.stop();
  });
});
