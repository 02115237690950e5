import type { DueWhat } from "../core/event.ts";
import { type RunEffect, runMachine, runStepKey } from "../machines/run.ts";
import { createStepper, type Step } from "../machines/step.ts";
import { type TaskSnapshot, taskMachine } from "../machines/task.ts";
import type { TaskEffect } from "../machines/task-effect.ts";
import { taskStepKey } from "../machines/task-event.ts";
import type { Effect } from "./effects.ts";
import type { TaskRecord } from "./task-record.ts";

/** The machines of all runs and tasks: their snapshots, and the steps between them, are shared. */

/** The attempt up to which tasks share their steps. Few tasks come so far, while one that is deferred may count on for ever. */
const LAST_SHARED_ATTEMPT = 16;

export const taskSteps = createStepper<typeof taskMachine, TaskEffect>(
  taskMachine,
  taskStepKey,
  ({ context }) => context.attempt <= LAST_SHARED_ATTEMPT,
);
export const runSteps = createStepper<typeof runMachine, RunEffect>(runMachine, runStepKey);

export type TaskStep = Step<typeof taskMachine, TaskEffect>;

/** How every run begins. */
export const FIRST_RUN_STEP: Step<typeof runMachine, RunEffect> = runSteps.initial(undefined);

/** Tasks with the same number of attempts share their first snapshot, but for those in the place of others. */
const firstSnapshots = new Map<number, TaskSnapshot>();
export function firstSnapshot(attempts: number, spent = 0): TaskSnapshot {
  if (spent > 0) return taskSteps.initial({ attempts, spent }).snapshot;
  const found = firstSnapshots.get(attempts);
  if (found) return found;
  const { snapshot } = taskSteps.initial({ attempts, spent });
  firstSnapshots.set(attempts, snapshot);
  return snapshot;
}

/** Where in the log the tree is being changed, and what that asks of the world. */
export interface Turn {
  readonly effects: Effect[];
  /** Log time of the event, ms. */
  readonly at: number;
  /**
   * Tasks of plans of version 2 that have started or ended, and whose siblings have not been told: an end may spread along
   * a chain of any length, which a call for each link would not survive.
   */
  readonly pending: TaskRecord[];
}

/** Asks for a `due` at a moment of the log's time, ms. */
export function arm(task: TaskRecord, what: DueWhat, at: number, { effects }: Turn): void {
  effects.push({ kind: "arm", task, what, at });
}
