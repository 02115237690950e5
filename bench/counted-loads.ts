import type { Tutti } from "../src/app.ts";
import { runChain, runFanOut, runMany, runSixTasks } from "./load.ts";

/** A load whose cost is counted. */
export interface CountedLoad {
  /** The number of executed tasks, including those that return plans. */
  readonly tasks: number;
  run(app: Tutti): Promise<unknown>;
}

export const COUNTED_LOADS = {
  "fan-out": { tasks: 2002, run: (app) => runFanOut(app, 2000) },
  chain: { tasks: 201, run: (app) => runChain(app, 200) },
  "small-runs": { tasks: 100 * 7, run: (app) => runMany(100, 20, () => runSixTasks(app)) },
} satisfies Readonly<Record<string, CountedLoad>>;

export type LoadName = keyof typeof COUNTED_LOADS;
export const LOAD_NAMES = Object.keys(COUNTED_LOADS) as LoadName[];
