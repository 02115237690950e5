import { assign, fromPromise, setup } from "xstate";

/** The life of a worker process. The host reports its load at intervals, not once a task. */
export interface WorkerContext {
  readonly concurrency: number;
  /** Attempts in execution. */
  readonly running: number;
  /** How long a worker that drains lets its attempts go on, milliseconds. */
  readonly graceMs: number;
}

export type WorkerMachineEvent =
  | { readonly type: "load"; readonly running: number }
  /** Stop: with the load of this moment, because the last report may be old. */
  | { readonly type: "drain"; readonly running: number; readonly graceMs: number };

export const workerMachine = setup({
  types: {} as {
    context: WorkerContext;
    events: WorkerMachineEvent;
    input: { readonly concurrency: number };
    tags: "accepting" | "draining";
  },
  // Effects: the host provides all of them.
  actors: {
    /** Registers the types and opens their queues. */
    open: fromPromise<void>(async () => {}),
    /** Stores the presence, and keeps it alive. */
    announce: fromPromise<void>(async () => {}),
    /** Stores what is still to be stored, and withdraws the presence. */
    leave: fromPromise<void>(async () => {}),
  },
  actions: {
    takeLoad: assign({ running: ({ context, event }) => (event.type === "load" ? event.running : context.running) }),
    takeDrain: assign(({ context, event }) =>
      event.type === "drain" ? { running: event.running, graceMs: event.graceMs } : context,
    ),
    // Effects: the host provides all of them.
    closeQueues: () => {},
    abortAttempts: () => {},
  },
  guards: {
    isIdle: ({ context }) => context.running === 0,
    isSaturated: ({ context }) => context.running >= context.concurrency,
  },
  delays: {
    grace: ({ context }) => context.graceMs,
    /** The time that aborted attempts have to be handed back. */
    handBack: 1000,
  },
}).createMachine({
  id: "worker",
  description: "The life of a worker process: it takes tasks of its types, and hands back what it cannot finish.",
  context: ({ input }) => ({ concurrency: input.concurrency, running: 0, graceMs: 0 }),
  initial: "starting",
  states: {
    starting: {
      description: "Registers its types and opens its queues; the first tasks may come before all of them are open.",
      tags: "accepting",
      invoke: { id: "open", src: "open", onDone: "working", onError: "draining" },
      on: {
        load: { actions: "takeLoad" },
        drain: { target: "draining", actions: "takeDrain" },
      },
    },
    working: {
      description: "Takes tasks by demand.",
      tags: "accepting",
      invoke: { id: "announce", src: "announce", onError: "draining" },
      initial: "weighing",
      on: {
        load: { target: ".weighing", actions: "takeLoad" },
        drain: { target: "draining", actions: "takeDrain" },
      },
      states: {
        weighing: {
          description: "Passed through whenever the load is reported.",
          always: [
            { guard: "isIdle", target: "idle" },
            { guard: "isSaturated", target: "saturated" },
            { target: "busy" },
          ],
        },
        idle: { description: "Executes nothing." },
        busy: { description: "Executes something, and has slots free." },
        saturated: { description: "All slots are taken." },
      },
    },
    draining: {
      description: "Takes nothing new, and finishes what it executes.",
      tags: "draining",
      entry: "closeQueues",
      always: { guard: "isIdle", target: "leaving" },
      after: { grace: "handingBack" },
      on: { load: { actions: "takeLoad" } },
    },
    handingBack: {
      description: "The grace period is over: what is still executed is aborted, and given back to the queue.",
      tags: "draining",
      entry: "abortAttempts",
      always: { guard: "isIdle", target: "leaving" },
      after: { handBack: "leaving" },
      on: { load: { actions: "takeLoad" } },
    },
    leaving: {
      description: "Executes nothing any more; stores the last results and withdraws its presence.",
      invoke: { id: "leave", src: "leave", onDone: "stopped", onError: "stopped" },
    },
    stopped: { description: "Nothing is left of it on the bus.", type: "final" },
  },
});
