import type { TaskError } from "../core/error.ts";
import type { Json } from "../core/json.ts";
import { FINALLY, UNDO } from "../core/names.ts";
import type { PlannedTask } from "../core/plan.ts";
import type { PlannedTaskV2 } from "../core/plan-v2.ts";
import type { TaskSnapshot, TaskState } from "../machines/task.ts";
import type { Losses } from "./losses.ts";
import type { MapProgress } from "./map-node.ts";
import type { PlanNode, PlanProgress } from "./plan-node.ts";
import type { Rounds } from "./rounds.ts";
import type { RunState } from "./run-state.ts";

/** A task's output: the value itself, or where it is kept. */
export type Output = { readonly value: Json } | { readonly ref: string };

/** What a plan says of a task. One that no worker executes is of the type `plan`. */
export type TaskSpec = PlannedTask | (PlannedTaskV2 & { readonly type: string });

export interface Children {
  /** In the order of the plan. */
  readonly all: readonly TaskRecord[];
  /** In a plan of version 1: how many have not succeeded yet. */
  remaining: number;
  /** The child whose output is the parent's; undefined: those of all that have succeeded, by key, or what `template` says. */
  readonly output: TaskRecord | undefined;
  /** The output of a plan of version 2 that says how it is made. */
  readonly template: Json | undefined;
  /** Of a plan of version 2, or of a map, whose items are such a plan. */
  readonly plan: PlanProgress | undefined;
  /** Of a map. */
  readonly map: MapProgress | undefined;
  /** Of a repetition. */
  readonly rounds?: Rounds;
}

/** The data of one task, beside its machine's snapshot (which it shares with others). Only the fold changes it. */
export interface TaskRecord {
  readonly run: RunState;
  readonly id: string;
  readonly key: string;
  readonly parent: TaskRecord | undefined;
  /** That of its fallback, once that has taken its failure. */
  spec: TaskSpec;
  snapshot: TaskSnapshot;
  /** Siblings it needs. */
  needs: readonly TaskRecord[];
  /** In a plan of version 1: how many of them have not succeeded yet. */
  missing: number;
  /** In a plan of version 2. */
  node: PlanNode | undefined;
  /** Siblings that need it. */
  dependents: TaskRecord[] | undefined;
  children: Children | undefined;
  output: Output | undefined;
  /** Who still needs the output: unfinished dependents, and the parent if its output is made of it. At 0 it is let go. */
  holders: number;
  error: TaskError | undefined;
  /** Whose failure this is: its own path, or that of a task below. */
  failedAt: string | undefined;
  /** Log time, ms: when the first attempt was opened; when the task came to its end. */
  openedAt: number;
  endedAt: number;
  /** As the worker told it, ms; 0 when it did not. */
  startedAt: number;
  worker: string | undefined;
  /** While backing off: when the next attempt opens, log time, ms. */
  dueAt: number;
  /** The last deferral of an attempt; undefined: none was deferred. */
  deferral: Deferral | undefined;
  /** Workers that were lost with it; undefined: none. */
  losses: Losses | undefined;
}

/** An attempt that ended with "not now". */
export interface Deferral {
  readonly attempt: number;
  readonly why: string | undefined;
  /** How many attempts in a row were deferred, this one included. */
  readonly times: number;
}

/** Whether it is a task that no plan names: it undoes its parent, or is what the plan of its parent runs at the end. */
export const isLater = ({ key }: TaskRecord): boolean => key.startsWith("_");

/** Whether it is of the end of its parent, which no deadline of the run and no pause holds back. */
export const isOfTheEnd = ({ key }: TaskRecord): boolean => key === UNDO || key === FINALLY;

/** Whether it has come to an output: what is undone later has had one, which its undo may refer to. */
export const hasOutput = (task: TaskRecord): boolean =>
  stateOf(task) === "succeeded" || task.node?.undo?.hasOutput === true;

/** Most tasks need nothing. */
export const NO_TASKS: readonly TaskRecord[] = [];

export const stateOf = (task: TaskRecord): TaskState => task.snapshot.value as TaskState;
export const attemptOf = (task: TaskRecord): number => task.snapshot.context.attempt;
/** Whether an attempt is open: held back, queued, or running. */
export const hasOpenAttempt = (task: TaskRecord): boolean => task.snapshot.hasTag("open");
/** Whether this attempt is the current one, and its result still counts. */
export const isOpen = (task: TaskRecord, attempt: number): boolean =>
  hasOpenAttempt(task) && attemptOf(task) === attempt;
/** Of the present round: a redrive begins a new one, with all the attempts that the policy allows. */
export const attemptInRound = ({ snapshot: { context } }: TaskRecord): number => context.attempt - context.spent;

/** Nothing can happen to it any more, but, if it has failed or was cancelled, a redrive of the run. */
export const isFinal = (task: TaskRecord): boolean => task.snapshot.hasTag("over");
