import { assign, setup } from "xstate";

/** The life of a worker process. The host reports its load now and then, not once a task. */
export interface WorkerContext {
  readonly concurrency: number;
  /** Attempts in execution. */
  readonly running: number;
}

export type WorkerMachineEvent =
  /** Registered, and its queues are open. */
  | { readonly type: "started" }
  | { readonly type: "load"; readonly running: number }
  | { readonly type: "drain" }
  /** The grace period is over. */
  | { readonly type: "graceOver" };

export const workerMachine = setup({
  types: {} as { context: WorkerContext; events: WorkerMachineEvent; input: { readonly concurrency: number } },
  guards: {
    isIdle: ({ context }) => context.running === 0,
    isSaturated: ({ context }) => context.running >= context.concurrency,
  },
  actions: {
    takeLoad: assign({ running: ({ context, event }) => (event.type === "load" ? event.running : context.running) }),
    // Effects, carried out by the host.
    register: () => {},
    openIntake: () => {},
    closeIntake: () => {},
    abortAll: () => {},
    leave: () => {},
  },
}).createMachine({
  id: "worker",
  context: ({ input }) => ({ concurrency: input.concurrency, running: 0 }),
  initial: "starting",
  states: {
    starting: {
      description:
        "Registers its types and opens its queues; the first tasks may come before it is told to have started.",
      entry: "register",
      on: {
        started: "working",
        load: { actions: "takeLoad" },
        drain: "draining",
      },
    },
    working: {
      description: "Takes tasks by demand.",
      entry: "openIntake",
      exit: "closeIntake",
      initial: "weighing",
      on: {
        load: { target: ".weighing", actions: "takeLoad" },
        drain: "draining",
      },
      states: {
        weighing: {
          description: "Passed through whenever the load is told.",
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
      description: "Takes nothing new; finishes or hands back what is in hand.",
      always: { guard: "isIdle", target: "stopped" },
      on: {
        load: { actions: "takeLoad" },
        graceOver: { target: "stopped", actions: "abortAll" },
      },
    },
    stopped: { description: "Nothing is in hand, and its presence is withdrawn.", type: "final", entry: "leave" },
  },
});
