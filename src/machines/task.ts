import { assign, type SnapshotFrom, setup } from "xstate";
import type { TaskError } from "../core/error.ts";
import { effect } from "./step.ts";

/**
 * The life of one task, as its run's log tells it.
 *
 * Context stays the same object on the happy path, so that all tasks that went the same way share one snapshot.
 * The other actions are effects, which the fold carries out within the tree or returns to its host (`src/fold`). What a
 * state owes the world is a function of the state (`src/fold/obligations.ts`), so a replay drops its effects.
 */
export interface TaskContext {
  /** The current attempt: 1, 2, … A result counts only for this one. */
  readonly attempt: number;
  /** Attempts in all, in each round. */
  readonly attempts: number;
  /** Attempts of the rounds before: a redrive begins a new one. */
  readonly spent: number;
}

/** `open`: an attempt is open, and its result counts. `over`: nothing happens any more, unless the run is redriven. */
export type TaskTag = "open" | "over";

export type TaskMachineEvent =
  /** All it needs has succeeded. */
  | { readonly type: "ready" }
  /** The current attempt returned a value. */
  | { readonly type: "returned" }
  /** The current attempt returned a plan. */
  | { readonly type: "planned" }
  /** The current attempt failed. `attempts`: what its policy allows, where the plan stated nothing. */
  | { readonly type: "attemptFailed"; readonly error: TaskError; readonly attempts?: number }
  | { readonly type: "backoffElapsed" }
  | { readonly type: "childrenSucceeded" }
  | { readonly type: "childFailed" }
  /** The run's deadline has come. Sent to the root: what is unfinished below it is cancelled. */
  | { readonly type: "expired" }
  | { readonly type: "cancel" }
  /** The run is redriven. It had failed, or was stopped, while an attempt was open: a new one opens. */
  | { readonly type: "redriven" }
  /** The run is redriven. It had children, which go on. */
  | { readonly type: "childrenRedriven" }
  /** The run is redriven. It waited for siblings, and does again. */
  | { readonly type: "needsRedriven" };

const EFFECTS = {
  openAttempt: effect,
  /** The attempt ends with its result. */
  closeAttempt: effect,
  /** The attempt ends without its worker: take it off the queue, and abort the handler. */
  withdrawAttempt: effect,
  armBackoff: effect,
  disarmBackoff: effect,
  plant: effect,
  /** What is unfinished below has lost its purpose. */
  cancelChildren: effect,
  reportSuccess: effect,
  reportFailure: effect,
};
/** What the fold has to carry out. */
export type TaskEffect = keyof typeof EFFECTS;

/**
 * Of an event's data, all that the guards below look at: tasks to which the same happens in the same snapshot share the
 * step, and the snapshot that it leads to.
 */
export const taskStepKey = (event: TaskMachineEvent): string =>
  event.type === "attemptFailed" ? `attemptFailed ${event.error.kind} ${event.attempts}` : event.type;

export const taskMachine = setup({
  types: {} as { context: TaskContext; events: TaskMachineEvent; tags: TaskTag; input: { readonly attempts: number } },
  guards: {
    mayRetry: ({ context, event }) =>
      event.type === "attemptFailed" &&
      event.error.kind === "retryable" &&
      context.attempt - context.spent < (event.attempts ?? context.attempts),
    wasCancelled: ({ event }) => event.type === "attemptFailed" && event.error.kind === "cancelled",
  },
  actions: {
    openNextAttempt: assign({ attempt: ({ context }) => context.attempt + 1 }),
    beginRound: assign({ attempt: ({ context }) => context.attempt + 1, spent: ({ context }) => context.attempt }),
    ...EFFECTS,
  },
}).createMachine({
  id: "task",
  context: ({ input }) => ({ attempt: 1, attempts: input.attempts, spent: 0 }),
  initial: "blocked",
  states: {
    blocked: {
      description:
        "Waits for siblings that it needs. The root needs none, and so is never here when its deadline comes.",
      on: {
        ready: "ready",
        cancel: "cancelled",
      },
    },
    ready: {
      description: "An attempt is open: held back by a limit, queued, or running. The log does not say which.",
      tags: "open",
      entry: "openAttempt",
      on: {
        returned: { target: "succeeded", actions: "closeAttempt" },
        planned: { target: "expanded", actions: ["closeAttempt", "plant"] },
        attemptFailed: [
          { guard: "mayRetry", target: "backingOff", actions: "closeAttempt" },
          { guard: "wasCancelled", target: "cancelled", actions: "closeAttempt" },
          { target: "failed", actions: "closeAttempt" },
        ],
        expired: { target: "failed", actions: "withdrawAttempt" },
        cancel: { target: "cancelled", actions: "withdrawAttempt" },
      },
    },
    backingOff: {
      description: "The attempt failed; another begins after a delay.",
      entry: "armBackoff",
      exit: "disarmBackoff",
      on: {
        backoffElapsed: { target: "ready", actions: "openNextAttempt" },
        expired: "failed",
        cancel: "cancelled",
      },
    },
    expanded: {
      description: "Its children are at work.",
      on: {
        childrenSucceeded: "succeeded",
        childFailed: { target: "failed", actions: "cancelChildren" },
        expired: { target: "failed", actions: "cancelChildren" },
        cancel: { target: "cancelled", actions: "cancelChildren" },
      },
    },
    succeeded: {
      description: "Has an output: a value, or what its children's outputs make.",
      type: "final",
      tags: "over",
      entry: "reportSuccess",
    },
    failed: {
      description: "Its last attempt failed, one of its children did, or the deadline came.",
      tags: "over",
      entry: "reportFailure",
      on: {
        redriven: { target: "ready", actions: "beginRound" },
        childrenRedriven: "expanded",
      },
    },
    cancelled: {
      description: "On request, or because what it was for has failed.",
      tags: "over",
      entry: "reportFailure",
      on: {
        redriven: { target: "ready", actions: "beginRound" },
        childrenRedriven: "expanded",
        needsRedriven: "blocked",
      },
    },
  },
});

export type TaskState = "blocked" | "ready" | "backingOff" | "expanded" | "succeeded" | "failed" | "cancelled";

export type TaskSnapshot = SnapshotFrom<typeof taskMachine>;
