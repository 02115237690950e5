import { z } from "zod";
import { name, taskId } from "./names.ts";
import { runView } from "./run-view.ts";

/** One step of one machine: the event of its chart, and the states that it led from and to. */
const machineStep = z.object({
  /** The event of the chart: `returned`, `broken`, `cancel`, … */
  on: z.string(),
  from: z.string(),
  to: z.string(),
});

/** A task's step, and why it was taken. */
export const taskStep = machineStep.extend({
  task: taskId,
  type: name,
  /** The attempt that it has after the step. */
  attempt: z.int(),
  /** The task whose step, by the same event of the log, led to this one. Absent: the event of the log itself did. */
  because: taskId.optional(),
  /** The message of the error that the task has now, where it has come to one. */
  error: z.string().optional(),
  /** Children that its plan has grown. */
  grown: z.int().optional(),
});
export type TaskStep = z.output<typeof taskStep>;

/** What one event of a run's log changed. */
export const runStep = z.object({
  /** Of the event in the log. */
  sequence: z.int(),
  /** The log's time, ISO 8601. */
  at: z.string(),
  /** The kind of the event: `submitted`, `result`, `due`, … */
  event: z.string(),
  /** The run's own steps. */
  run: z.array(machineStep),
  tasks: z.array(taskStep),
});
export type RunStep = z.output<typeof runStep>;

/** A run as it stood after one event of its log. */
export const runMoment = z.object({ step: runStep, view: runView });
export type RunMoment = z.output<typeof runMoment>;
