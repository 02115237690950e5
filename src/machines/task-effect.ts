import { effect } from "./step.ts";

/** What a task's chart asks for: each is carried out by the fold, within the tree or by its host. */
export const TASK_EFFECTS = {
  openAttempt: effect,
  /** The attempt ends with its result. */
  closeAttempt: effect,
  /** The attempt ends without its worker: take it off the queue, and abort the handler. */
  withdrawAttempt: effect,
  armBackoff: effect,
  disarmBackoff: effect,
  /** The end of what its join, or that of its plan, may take. */
  armWithin: effect,
  disarmWithin: effect,
  /** The end of what all its attempts together, or its plan, may take. */
  armDeadline: effect,
  disarmDeadline: effect,
  /** Have the expressions answered, in the log. */
  decide: effect,
  /** Ask for a change of the plan. */
  askForChange: effect,
  /** Do what comes before the end. */
  unwind: effect,
  /** Look out for what it waits for. */
  beginWait: effect,
  endWait: effect,
  plant: effect,
  /** What is unfinished below has lost its purpose, for its parent has failed or was cancelled. */
  cancelChildren: effect,
  /** What is unfinished below has lost its purpose, for its parent is content without. */
  abandonChildren: effect,
  reportSuccess: effect,
  reportFailure: effect,
  reportSkip: effect,
  reportAbandoned: effect,
  beginUndo: effect,
  reportCompensated: effect,
  reportUncompensated: effect,
};
/** What the fold has to carry out. */
export type TaskEffect = keyof typeof TASK_EFFECTS;
