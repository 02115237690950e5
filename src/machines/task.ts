import { assign, type SnapshotFrom, setup } from "xstate";
import { effect } from "./step.ts";
import type { TaskMachineEvent } from "./task-event.ts";

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
  /** Attempts that do not count: those of the rounds before (a redrive begins a new one), and those that were deferred. */
  readonly spent: number;
}

export interface TaskInput {
  /** Attempts in all, in each round. */
  readonly attempts: number;
  /** Attempts of a task of the same path, which this one replaces. Default: none. */
  readonly spent?: number;
}

/** `open`: an attempt is open, and its result counts. `over`: nothing happens any more, unless the run is redriven. */
export type TaskTag = "open" | "over";

const EFFECTS = {
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
  /** Do what comes between the failure and the end. */
  recover: effect,
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
};
/** What the fold has to carry out. */
export type TaskEffect = keyof typeof EFFECTS;

export const taskMachine = setup({
  types: {} as { context: TaskContext; events: TaskMachineEvent; tags: TaskTag; input: TaskInput },
  guards: {
    mayRetry: ({ context, event }) =>
      event.type === "attemptFailed" &&
      (event.isRetried ?? event.error.kind === "retryable") &&
      event.error.kind !== "cancelled" &&
      context.attempt - context.spent < (event.attempts ?? context.attempts),
    recovers: ({ event }) => "recovers" in event && event.recovers === true,
    wasCancelled: ({ event }) => event.type === "attemptFailed" && event.error.kind === "cancelled",
  },
  actions: {
    openNextAttempt: assign({ attempt: ({ context }) => context.attempt + 1 }),
    giveAttemptBack: assign({ spent: ({ context }) => context.spent + 1 }),
    beginRound: assign({ attempt: ({ context }) => context.attempt + 1, spent: ({ context }) => context.attempt }),
    ...EFFECTS,
  },
}).createMachine({
  id: "task",
  context: ({ input }) => ({ attempt: (input.spent ?? 0) + 1, attempts: input.attempts, spent: input.spent ?? 0 }),
  initial: "blocked",
  states: {
    blocked: {
      description:
        "Waits until its join over the siblings that it needs is decided. The root needs none, and so is never here when its deadline comes.",
      exit: "disarmWithin",
      on: {
        awaited: { actions: "armWithin" },
        ready: { target: "ready", actions: "armDeadline" },
        expand: { target: "expanded", actions: ["armDeadline", "plant"] },
        ask: { target: "deciding", actions: "armDeadline" },
        skip: "skipped",
        broken: [{ guard: "recovers", target: "recovering" }, { target: "failed" }],
        cancel: "cancelled",
        abandon: "abandoned",
      },
    },
    deciding: {
      description: "Its join is met. Its condition and the expressions of its input are being answered, in the log.",
      entry: "decide",
      on: {
        ready: "ready",
        wait: "awaiting",
        expand: { target: "expanded", actions: "plant" },
        replaced: "succeeded",
        skip: "skipped",
        broken: [{ guard: "recovers", target: "recovering" }, { target: "failed" }],
        expired: [{ guard: "recovers", target: "recovering" }, { target: "failed" }],
        cancel: "cancelled",
        abandon: "abandoned",
      },
    },
    awaiting: {
      description:
        "Waits for what its plan says: a signal, a message, the end of another run, a time. No worker is needed.",
      entry: "beginWait",
      exit: "endWait",
      on: {
        answered: "succeeded",
        broken: [{ guard: "recovers", target: "recovering" }, { target: "failed" }],
        expired: [{ guard: "recovers", target: "recovering" }, { target: "failed" }],
        cancel: "cancelled",
        abandon: "abandoned",
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
          { guard: "recovers", target: "recovering", actions: "closeAttempt" },
          { target: "failed", actions: "closeAttempt" },
        ],
        deferred: { target: "backingOff", actions: ["giveAttemptBack", "closeAttempt"] },
        expired: [
          { guard: "recovers", target: "recovering", actions: "withdrawAttempt" },
          { target: "failed", actions: "withdrawAttempt" },
        ],
        cancel: { target: "cancelled", actions: "withdrawAttempt" },
        abandon: { target: "abandoned", actions: "withdrawAttempt" },
      },
    },
    backingOff: {
      description: "The attempt failed, or was deferred; another begins after a delay.",
      entry: "armBackoff",
      exit: "disarmBackoff",
      on: {
        backoffElapsed: { target: "ready", actions: "openNextAttempt" },
        expired: [{ guard: "recovers", target: "recovering" }, { target: "failed" }],
        cancel: "cancelled",
        abandon: "abandoned",
      },
    },
    expanded: {
      description: "Its children are at work.",
      entry: "armWithin",
      exit: "disarmWithin",
      on: {
        met: "succeeded",
        skip: { target: "skipped", actions: "abandonChildren" },
        broken: [
          { guard: "recovers", target: "recovering", actions: "cancelChildren" },
          { target: "failed", actions: "cancelChildren" },
        ],
        expired: [
          { guard: "recovers", target: "recovering", actions: "cancelChildren" },
          { target: "failed", actions: "cancelChildren" },
        ],
        cancel: { target: "cancelled", actions: "cancelChildren" },
        abandon: { target: "abandoned", actions: "abandonChildren" },
      },
    },
    recovering: {
      description: "Has failed. What comes before its end is carried out: its fallback takes the failure.",
      entry: "recover",
      on: {
        replaced: "succeeded",
        ask: { target: "deciding", actions: "beginRound" },
        ready: { target: "ready", actions: "beginRound" },
        expand: { target: "expanded", actions: ["beginRound", "plant"] },
        broken: "failed",
        unwound: "failed",
        expired: "failed",
        cancel: "cancelled",
        abandon: "abandoned",
      },
    },
    succeeded: {
      description: "Has an output: a value, or what its children's outputs make.",
      type: "final",
      tags: "over",
      // The run concludes first; what is left is swept after.
      entry: ["disarmDeadline", "reportSuccess", "abandonChildren"],
    },
    failed: {
      description: "Its last attempt failed, its join or its plan broke, or the deadline came.",
      tags: "over",
      entry: ["disarmDeadline", "reportFailure"],
      on: {
        redriven: { target: "ready", actions: ["beginRound", "armDeadline"] },
        childrenRedriven: { target: "expanded", actions: "armDeadline" },
        needsRedriven: "blocked",
      },
    },
    cancelled: {
      description: "On request, or because what it was for has failed.",
      tags: "over",
      entry: ["disarmDeadline", "reportFailure"],
      on: {
        redriven: { target: "ready", actions: ["beginRound", "armDeadline"] },
        childrenRedriven: { target: "expanded", actions: "armDeadline" },
        needsRedriven: "blocked",
      },
    },
    skipped: {
      description: "Left out, by its condition or because what it needs was. Has no output.",
      type: "final",
      tags: "over",
      entry: ["disarmDeadline", "reportSkip"],
    },
    abandoned: {
      description: "What needed it goes on or has ended without it. Counts for nothing.",
      tags: "over",
      entry: ["disarmDeadline", "reportAbandoned"],
      on: {
        redriven: { target: "ready", actions: ["beginRound", "armDeadline"] },
        childrenRedriven: { target: "expanded", actions: "armDeadline" },
        needsRedriven: "blocked",
      },
    },
  },
});

export type TaskSnapshot = SnapshotFrom<typeof taskMachine>;
export type TaskState = TaskSnapshot["value"];
