/**
 * Counts the cost of a task in the engine: the real code runs in one process, on the memory bus and a virtual clock, so
 * that the same code gives the same counts.
 */
import { createMemoryBus } from "../src/bus/memory/bus.ts";
import { createVirtualClock } from "../src/core/virtual-clock.ts";
import { runMachine } from "../src/machines/run.ts";
import { taskMachine } from "../src/machines/task.ts";
import { tutti } from "../src/tutti.ts";
import { COUNTED_LOADS, type CountedLoad, type LoadName } from "./counted-loads.ts";
import { countSent, type Sent } from "./counting-bus.ts";
import { WORKERS } from "./workers.ts";

export interface EmbeddedCounts extends Sent {
  /** The steps of task and run machines that were computed and not looked up. */
  steps: number;
}

/** Executes the load once to warm up, and then within `measure`. */
export async function withEmbedded<T>(
  name: LoadName,
  measure: (load: () => Promise<unknown>, counts: () => EmbeddedCounts) => Promise<T>,
): Promise<T> {
  const load: CountedLoad = COUNTED_LOADS[name];
  const clock = createVirtualClock();
  const { bus, sent } = countSent(createMemoryBus({ clock }));
  const steps = countSteps();
  // Ids are part of the messages, so they must not depend on the machine.
  const options = { workers: WORKERS.plans, concurrency: 500, id: "counted", env: {} };
  const app = await clock.runUntilSettled(tutti(options, { bus, clock }));
  const run = () => clock.runUntilSettled(load.run(app));
  try {
    await run();
    return await measure(run, () => ({ ...sent, steps: steps.count }));
  } finally {
    steps[Symbol.dispose]();
    await clock.runUntilSettled(app.stop({ graceMs: 0 }));
  }
}

/** The cost of one task. */
export function countEmbedded(name: LoadName): Promise<EmbeddedCounts> {
  return withEmbedded(name, async (load, counts) => {
    const before = counts();
    await load();
    const after = counts();
    const perTask = Object.entries(after).map(([key, value]) => [
      key,
      (value - before[key as keyof EmbeddedCounts]) / COUNTED_LOADS[name].tasks,
    ]);
    return Object.fromEntries(perTask) as EmbeddedCounts;
  });
}

/** Counts the calls of the machines until it is disposed. */
function countSteps(): Disposable & { readonly count: number } {
  let count = 0;
  const originals = [taskMachine, runMachine].map((machine) => {
    const { transition, getInitialSnapshot } = machine;
    Object.assign(machine, {
      transition(...args: unknown[]) {
        count++;
        return Reflect.apply(transition, machine, args);
      },
      getInitialSnapshot(...args: unknown[]) {
        count++;
        return Reflect.apply(getInitialSnapshot, machine, args);
      },
    });
    return () => Object.assign(machine, { transition, getInitialSnapshot });
  });
  return {
    get count() {
      return count;
    },
    [Symbol.dispose]() {
      for (const restore of originals) restore();
    },
  };
}
