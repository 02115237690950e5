import { assign, type SnapshotFrom, setup } from "xstate";

export type Outcome = "succeeded" | "failed" | "cancelled";

/** The life of a run: the tree that grows from one request. */
export interface RunContext {
  /** What the tree came to, before `ended` is read back; undefined while it grows. */
  readonly outcome: Outcome | undefined;
}

export type RunMachineEvent =
  | { readonly type: "rootSucceeded" }
  | { readonly type: "rootFailed" }
  | { readonly type: "rootCancelled" }
  | { readonly type: "cancel" }
  | { readonly type: "deadlinePassed" }
  /** `ended` was read from the log: final, whatever the fold thought. */
  | { readonly type: "ended"; readonly status: Outcome };

export const runMachine = setup({
  types: {} as { context: RunContext; events: RunMachineEvent },
  guards: {
    endedWell: ({ event }) => event.type === "ended" && event.status === "succeeded",
    endedCancelled: ({ event }) => event.type === "ended" && event.status === "cancelled",
  },
  actions: {
    concludeSucceeded: assign({ outcome: "succeeded" }),
    concludeFailed: assign({ outcome: "failed" }),
    concludeCancelled: assign({ outcome: "cancelled" }),
    // Effects, carried out by the host.
    armDeadline: () => {},
    disarmDeadline: () => {},
    cancelTree: () => {},
    expireTree: () => {},
    appendEnded: () => {},
    close: () => {},
  },
}).createMachine({
  id: "run",
  context: { outcome: undefined },
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
      entry: "armDeadline",
      exit: "disarmDeadline",
      on: {
        rootSucceeded: { target: "concluding", actions: "concludeSucceeded" },
        rootFailed: { target: "concluding", actions: "concludeFailed" },
        rootCancelled: { target: "concluding", actions: "concludeCancelled" },
        cancel: "cancelling",
        deadlinePassed: "expiring",
      },
    },
    cancelling: {
      description: "Everything unfinished is cancelled; the root comes last.",
      entry: "cancelTree",
      on: {
        rootCancelled: { target: "concluding", actions: "concludeCancelled" },
      },
    },
    expiring: {
      description: "The deadline has come before the end.",
      entry: "expireTree",
      on: {
        rootFailed: { target: "concluding", actions: "concludeFailed" },
      },
    },
    concluding: {
      description: "The outcome is known; it counts once `ended` has been read back.",
      entry: "appendEnded",
    },
    succeeded: { description: "`ended` was read: there is an output.", type: "final", entry: "close" },
    failed: { description: "`ended` was read: there is an error.", type: "final", entry: "close" },
    cancelled: { description: "`ended` was read: someone asked for that.", type: "final", entry: "close" },
  },
});

export type RunSnapshot = SnapshotFrom<typeof runMachine>;
