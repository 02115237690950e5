import { assign, type SnapshotFrom, setup } from "xstate";
import { effect } from "./step.ts";

export type Outcome = "succeeded" | "failed" | "cancelled";

/** The life of a run: the tree that grows from one request. */
export interface RunContext {
  /** What the tree came to, before `ended` is read back; undefined while it grows. */
  readonly outcome: Outcome | undefined;
  /** Whether it came to that by the failure of a task, which can be tried again. */
  readonly isRedrivable: boolean;
}

export type RunMachineEvent =
  | { readonly type: "rootSucceeded" }
  /** `isFinal`: it cannot be tried again. */
  | { readonly type: "rootFailed"; readonly isFinal?: boolean }
  | { readonly type: "rootCancelled" }
  /** `isForced`: what is still to be undone is not. */
  | { readonly type: "cancel"; readonly isForced?: boolean }
  /** The root is about to end; what was done is undone before, and what plans run at their end is carried out. */
  | { readonly type: "unwind" }
  | { readonly type: "deadlinePassed" }
  | { readonly type: "pause" }
  | { readonly type: "resume" }
  /** `ended` was read from the log: whatever the fold thought, that is its end. */
  | { readonly type: "ended"; readonly status: Outcome }
  /** The task that had failed it is to be tried again. */
  | { readonly type: "redrive" };

const EFFECTS = {
  armDeadline: effect,
  disarmDeadline: effect,
  cancelTree: effect,
  /** What is still to be undone is not. */
  stopUnwinding: effect,
  expireTree: effect,
  appendEnded: effect,
  close: effect,
  reviveTree: effect,
};
/** What the fold has to carry out. */
export type RunEffect = keyof typeof EFFECTS;

/**
 * `active`: the tree grows, and its deadline counts. `paused`: nothing of it starts. `unwinding`: what was done is being undone.
 * `settled`: the outcome is known, and `ended` is still to be appended.
 */
export type RunTag = "active" | "paused" | "unwinding" | "settled";

/** All of an event's data that the guards below look at. */
export const runStepKey = (event: RunMachineEvent): string =>
  event.type === "ended"
    ? `ended ${event.status}`
    : `${event.type}${"isFinal" in event && event.isFinal ? " final" : ""}${"isForced" in event && event.isForced ? " forced" : ""}`;

export const runMachine = setup({
  types: {} as { context: RunContext; events: RunMachineEvent; tags: RunTag },
  guards: {
    endedWell: ({ event }) => event.type === "ended" && event.status === "succeeded",
    endedCancelled: ({ event }) => event.type === "ended" && event.status === "cancelled",
    isFinal: ({ event }) => event.type === "rootFailed" && event.isFinal === true,
    isForced: ({ event }) => event.type === "cancel" && event.isForced === true,
    isRedrivable: ({ context }) => context.isRedrivable,
  },
  actions: {
    concludeSucceeded: assign({ outcome: "succeeded" }),
    concludeFailed: assign({ outcome: "failed" }),
    allowRedrive: assign({ isRedrivable: true }),
    beginAgain: assign({ outcome: undefined, isRedrivable: false }),
    concludeCancelled: assign({ outcome: "cancelled" }),
    ...EFFECTS,
  },
}).createMachine({
  id: "run",
  context: { outcome: undefined, isRedrivable: false },
  initial: "running",
  on: {
    ended: [
      { guard: "endedWell", target: ".succeeded" },
      { guard: "endedCancelled", target: ".cancelled" },
      { target: ".failed" },
    ],
  },
  states: {
    running: {
      description: "The tree grows and its tasks are at work.",
      tags: "active",
      entry: "armDeadline",
      exit: "disarmDeadline",
      on: {
        rootSucceeded: { target: "concluding", actions: "concludeSucceeded" },
        rootFailed: [
          { guard: "isFinal", target: "concluding", actions: "concludeFailed" },
          { target: "concluding", actions: ["concludeFailed", "allowRedrive"] },
        ],
        rootCancelled: { target: "concluding", actions: "concludeCancelled" },
        cancel: "cancelling",
        deadlinePassed: "expiring",
        unwind: "unwinding",
      },
      initial: "active",
      states: {
        active: { description: "What can start does.", on: { pause: "paused" } },
        paused: {
          description:
            "Nothing starts, and no moment counts: a gate, as before the tasks of a paused subtree. What has started goes on, and may end the run.",
          tags: "paused",
          on: {
            resume: { target: "active", actions: "armDeadline" },
            // It counts when the run goes on.
            deadlinePassed: {},
          },
        },
      },
    },
    cancelling: {
      description: "Everything unfinished is cancelled; the root comes last.",
      entry: "cancelTree",
      on: {
        rootCancelled: { target: "concluding", actions: "concludeCancelled" },
        unwind: "unwinding",
      },
    },
    expiring: {
      description: "The deadline has come before the end.",
      entry: "expireTree",
      on: {
        rootFailed: { target: "concluding", actions: "concludeFailed" },
        unwind: "unwinding",
      },
    },
    unwinding: {
      description:
        "Nothing begins any more. What was done is undone, and what plans run at their end is carried out, whatever deadline there was.",
      tags: "unwinding",
      on: {
        rootSucceeded: { target: "concluding", actions: "concludeSucceeded" },
        rootFailed: [
          { guard: "isFinal", target: "concluding", actions: "concludeFailed" },
          { target: "concluding", actions: ["concludeFailed", "allowRedrive"] },
        ],
        rootCancelled: { target: "concluding", actions: "concludeCancelled" },
        cancel: { guard: "isForced", actions: "stopUnwinding" },
      },
    },
    concluding: {
      description: "The outcome is known; it counts once `ended` has been read back.",
      tags: "settled",
      entry: "appendEnded",
    },
    succeeded: { description: "`ended` was read: there is an output.", type: "final", entry: "close" },
    failed: {
      description:
        "`ended` was read: there is an error. Nothing changes any more, unless the task at fault is redriven.",
      entry: "close",
      on: {
        redrive: { guard: "isRedrivable", target: "running", actions: ["beginAgain", "reviveTree"] },
        // The first one counts.
        ended: {},
      },
    },
    cancelled: { description: "`ended` was read: the run was cancelled on request.", type: "final", entry: "close" },
  },
});

export type RunSnapshot = SnapshotFrom<typeof runMachine>;

/** The state under one name: a run that is not paused is `running`. */
export const phaseOf = ({ value }: Pick<RunSnapshot, "value">): string =>
  typeof value === "string" ? value : value.running === "active" ? "running" : value.running;
