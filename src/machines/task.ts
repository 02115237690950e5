import { assign, type SnapshotFrom, setup } from "xstate";
import { beginContext, type TaskContext, type TaskInput, type TaskTag } from "./task-context.ts";
import { TASK_EFFECTS } from "./task-effect.ts";
import type { TaskMachineEvent } from "./task-event.ts";
import { guards } from "./task-guards.ts";

/** How a task that has children ends, when its plan has not been met: alike, whether that is at work or is being changed. */
const ENDS_WITH_CHILDREN = {
  broken: [
    { guard: "recovers", target: "recovering", actions: ["endFailed", "cancelChildren"] },
    { target: "failed", actions: "cancelChildren" },
  ],
  expired: [
    { guard: "recovers", target: "recovering", actions: ["endFailed", "cancelChildren"] },
    { target: "failed", actions: "cancelChildren" },
  ],
  markedSucceeded: [{ guard: "recovers", target: "tidying", actions: "abandonChildren" }, { target: "succeeded" }],
  markedSkipped: [
    { guard: "recovers", target: "recovering", actions: ["endSkipped", "abandonChildren"] },
    { target: "skipped", actions: "abandonChildren" },
  ],
  markedFailed: [
    { guard: "recovers", target: "recovering", actions: ["endFailed", "cancelChildren"] },
    { target: "failed", actions: "cancelChildren" },
  ],
  cancel: [
    { guard: "recovers", target: "recovering", actions: ["endCancelled", "cancelChildren"] },
    { target: "cancelled", actions: "cancelChildren" },
  ],
  abandon: [
    { guard: "recovers", target: "recovering", actions: ["endAbandoned", "abandonChildren"] },
    { target: "abandoned", actions: "abandonChildren" },
  ],
} as const;

/**
 * The life of one task, as its run's log tells it.
 * Context stays the same object on the happy path, so that all tasks that went the same way share one snapshot.
 * The other actions are effects, which the fold carries out within the tree or returns to its host (`src/fold`). What a
 * state owes the world is a function of the state (`src/fold/obligations.ts`), so a replay drops its effects.
 */
export const taskMachine = setup({
  types: {} as { context: TaskContext; events: TaskMachineEvent; tags: TaskTag; input: TaskInput },
  guards,
  actions: {
    openNextAttempt: assign({ attempt: ({ context }) => context.attempt + 1 }),
    giveAttemptBack: assign({ spent: ({ context }) => context.spent + 1 }),
    beginRound: assign({ attempt: ({ context }) => context.attempt + 1, spent: ({ context }) => context.attempt }),
    endFailed: assign({ ending: "failed" }),
    endCancelled: assign({ ending: "cancelled" }),
    endSkipped: assign({ ending: "skipped" }),
    endAbandoned: assign({ ending: "abandoned" }),
    ...TASK_EFFECTS,
  },
}).createMachine({
  id: "task",
  context: ({ input }) => beginContext(input),
  initial: "blocked",
  states: {
    blocked: {
      description: "Waits until its join over the siblings that it needs is decided. The root needs none.",
      exit: "disarmWithin",
      on: {
        awaited: { actions: "armWithin" },
        ready: { target: "ready", actions: "armDeadline" },
        expand: { target: "expanded", actions: ["armDeadline", "plant"] },
        ask: { target: "deciding", actions: "armDeadline" },
        skip: "skipped",
        broken: [{ guard: "recovers", target: "recovering", actions: "endFailed" }, { target: "failed" }],
        markedSucceeded: "succeeded",
        markedSkipped: "skipped",
        markedFailed: "failed",
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
        broken: [{ guard: "recovers", target: "recovering", actions: "endFailed" }, { target: "failed" }],
        expired: [{ guard: "recovers", target: "recovering", actions: "endFailed" }, { target: "failed" }],
        markedSucceeded: "succeeded",
        markedSkipped: "skipped",
        markedFailed: "failed",
        cancel: "cancelled",
        abandon: "abandoned",
      },
    },
    awaiting: {
      description: "Waits for a signal, a message, another run, a time; or has a run started. No worker is needed.",
      entry: "beginWait",
      exit: "endWait",
      on: {
        answered: "succeeded",
        broken: [{ guard: "recovers", target: "recovering", actions: "endFailed" }, { target: "failed" }],
        expired: [{ guard: "recovers", target: "recovering", actions: "endFailed" }, { target: "failed" }],
        markedSucceeded: "succeeded",
        markedSkipped: "skipped",
        markedFailed: "failed",
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
          { guard: "wasCancelledAndRecovers", target: "recovering", actions: ["endCancelled", "closeAttempt"] },
          { guard: "wasCancelled", target: "cancelled", actions: "closeAttempt" },
          { guard: "recovers", target: "recovering", actions: ["endFailed", "closeAttempt"] },
          { target: "failed", actions: "closeAttempt" },
        ],
        deferred: { target: "backingOff", actions: ["giveAttemptBack", "closeAttempt"] },
        lost: { target: "backingOff", actions: ["giveAttemptBack", "withdrawAttempt"] },
        expired: [
          { guard: "recovers", target: "recovering", actions: ["endFailed", "withdrawAttempt"] },
          { target: "failed", actions: "withdrawAttempt" },
        ],
        markedSucceeded: { target: "succeeded", actions: "withdrawAttempt" },
        markedSkipped: { target: "skipped", actions: "withdrawAttempt" },
        markedFailed: [
          { guard: "recovers", target: "recovering", actions: ["endFailed", "withdrawAttempt"] },
          { target: "failed", actions: "withdrawAttempt" },
        ],
        cancel: [
          { guard: "recovers", target: "recovering", actions: ["endCancelled", "withdrawAttempt"] },
          { target: "cancelled", actions: "withdrawAttempt" },
        ],
        abandon: { target: "abandoned", actions: "withdrawAttempt" },
      },
    },
    backingOff: {
      description: "The attempt failed, was deferred, or was lost with its worker; another begins after a delay.",
      entry: "armBackoff",
      exit: "disarmBackoff",
      on: {
        backoffElapsed: { target: "ready", actions: "openNextAttempt" },
        broken: [{ guard: "recovers", target: "recovering", actions: "endFailed" }, { target: "failed" }],
        expired: [{ guard: "recovers", target: "recovering", actions: "endFailed" }, { target: "failed" }],
        markedSucceeded: "succeeded",
        markedSkipped: "skipped",
        markedFailed: [{ guard: "recovers", target: "recovering", actions: "endFailed" }, { target: "failed" }],
        cancel: "cancelled",
        abandon: "abandoned",
      },
    },
    expanded: {
      description: "Its children are at work.",
      entry: "armWithin",
      exit: "disarmWithin",
      on: {
        ...ENDS_WITH_CHILDREN,
        roundOver: "checking",
        met: [{ guard: "recovers", target: "tidying", actions: "abandonChildren" }, { target: "succeeded" }],
        skip: [
          { guard: "recovers", target: "recovering", actions: ["endSkipped", "abandonChildren"] },
          { target: "skipped", actions: "abandonChildren" },
        ],
        replan: "replanning",
      },
    },
    replanning: {
      description:
        "Its plan has broken, and a change of it is asked for. Children that are at work go on, and none starts meanwhile.",
      entry: "askForChange",
      on: { ...ENDS_WITH_CHILDREN, changed: "expanded" },
    },
    checking: {
      description: "It is repeated, and a round has succeeded. Whether that was the last is being decided, in the log.",
      entry: "decide",
      on: {
        ...ENDS_WITH_CHILDREN,
        met: [{ guard: "recovers", target: "tidying" }, { target: "succeeded" }],
        again: "resting",
      },
    },
    resting: {
      description: "Another round begins after a pause.",
      entry: "armBackoff",
      exit: "disarmBackoff",
      on: { ...ENDS_WITH_CHILDREN, backoffElapsed: { target: "expanded", actions: "plant" } },
    },
    tidying: {
      description: "Its plan has succeeded. What plans run at their end is carried out, one after the other.",
      entry: ["disarmDeadline", "unwind"],
      on: {
        unwound: "succeeded",
        broken: [{ guard: "recovers", target: "recovering", actions: "endFailed" }, { target: "failed" }],
        cancel: [{ guard: "recovers", target: "recovering", actions: "endCancelled" }, { target: "cancelled" }],
        abandon: [{ guard: "recovers", target: "recovering", actions: "endAbandoned" }, { target: "abandoned" }],
      },
    },
    recovering: {
      description:
        "Has failed, or was stopped. What it has done is undone, what its plan runs at the end is carried out, and then its fallback takes the failure.",
      entry: "unwind",
      on: {
        replaced: "succeeded",
        ask: { target: "deciding", actions: "beginRound" },
        ready: { target: "ready", actions: "beginRound" },
        expand: { target: "expanded", actions: ["beginRound", "plant"] },
        broken: "failed",
        unwound: [
          { guard: "endsCancelled", target: "cancelled" },
          { guard: "endsSkipped", target: "skipped" },
          { guard: "endsAbandoned", target: "abandoned" },
          { target: "failed" },
        ],
        // By a task above, it is that one's to go on.
        cancel: [{ guard: "recovers", actions: "endCancelled" }, { target: "cancelled" }],
        abandon: [{ guard: "recovers", actions: "endAbandoned" }, { target: "abandoned" }],
      },
    },
    succeeded: {
      description: "Has an output: a value, or what its children's outputs make.",
      tags: "over",
      // The run concludes first; what is left is swept after.
      entry: ["disarmDeadline", "reportSuccess", "abandonChildren"],
      on: { undo: "undoing", undoFailed: "uncompensated" },
    },
    failed: {
      description: "Its last attempt failed, its join or its plan broke, or the deadline came.",
      tags: "over",
      entry: ["disarmDeadline", "reportFailure"],
      on: {
        redriven: { target: "ready", actions: ["beginRound", "armDeadline"] },
        childrenRedriven: { target: "expanded", actions: "armDeadline" },
        needsRedriven: "blocked",
        undo: "undoing",
        undoFailed: "uncompensated",
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
        undo: "undoing",
        undoFailed: "uncompensated",
      },
    },
    skipped: {
      description: "Left out, by its condition or because what it needs was. Has no output.",
      tags: "over",
      entry: ["disarmDeadline", "reportSkip"],
      on: { undo: "undoing", undoFailed: "uncompensated" },
    },
    abandoned: {
      description: "What needed it goes on or has ended without it. Counts for nothing.",
      tags: "over",
      entry: ["disarmDeadline", "reportAbandoned"],
      on: {
        redriven: { target: "ready", actions: ["beginRound", "armDeadline"] },
        childrenRedriven: { target: "expanded", actions: "armDeadline" },
        needsRedriven: "blocked",
        undo: "undoing",
        undoFailed: "uncompensated",
      },
    },
    undoing: {
      description: "Another task undoes what this one has done.",
      entry: "beginUndo",
      on: { undone: "compensated", undoFailed: "uncompensated" },
    },
    compensated: {
      description: "Was undone.",
      type: "final",
      tags: "over",
      entry: "reportCompensated",
    },
    uncompensated: {
      description: "Was to be undone, and could not be.",
      type: "final",
      tags: "over",
      entry: "reportUncompensated",
    },
  },
});

export type TaskSnapshot = SnapshotFrom<typeof taskMachine>;
export type TaskState = TaskSnapshot["value"];
