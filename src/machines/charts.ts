import type { AnyStateMachine } from "xstate";
import { breakerMachine } from "./breaker.ts";
import { orchestratorMachine } from "./orchestrator.ts";
import { runMachine } from "./run.ts";
import { shardMachine } from "./shard.ts";
import { taskMachine } from "./task.ts";
import { workerMachine } from "./worker.ts";

/** Every chart of the runtime, by name: what a run is made of first, then the processes. */
export const CHARTS = {
  task: taskMachine,
  run: runMachine,
  worker: workerMachine,
  shard: shardMachine,
  orchestrator: orchestratorMachine,
  breaker: breakerMachine,
} as const satisfies Readonly<Record<string, AnyStateMachine>>;

export type ChartName = keyof typeof CHARTS;

export const isChartName = (name: string): name is ChartName => Object.hasOwn(CHARTS, name);
