import { setup } from "xstate";

/** What opossum, which counts requests and decides, reports of a circuit breaker. */
export type BreakerMachineEvent =
  /** Too many requests of the window failed, or the one on trial did; or another process reports so. */
  | { readonly type: "opened" }
  /** The time for which nothing is sent is over, and one request is on trial. */
  | { readonly type: "halfOpened" }
  /** The request on trial succeeded, here or in another process. */
  | { readonly type: "closed" }
  | { readonly type: "shutDown" };

export const breakerMachine = setup({
  types: {} as { events: BreakerMachineEvent },
  actions: {
    // Effects: the host provides all of them.
    noteFailure: () => {},
    noteTrial: () => {},
    noteRecovery: () => {},
  },
}).createMachine({
  id: "breaker",
  description:
    "The circuit breaker before one service, a model of an endpoint for example: while it fails, calls cost it nothing.",
  initial: "closed",
  states: {
    closed: {
      description: "Requests are sent, and their failures counted.",
      on: { opened: "open", shutDown: "stopped" },
    },
    open: {
      description: "The service keeps failing: nothing is sent.",
      entry: "noteFailure",
      on: {
        halfOpened: "halfOpen",
        closed: { target: "closed", actions: "noteRecovery" },
        shutDown: "stopped",
      },
    },
    halfOpen: {
      description:
        "One request of all processes is sent to see whether the service works again; others are refused meanwhile.",
      entry: "noteTrial",
      on: {
        closed: { target: "closed", actions: "noteRecovery" },
        opened: "open",
        shutDown: "stopped",
      },
    },
    stopped: { description: "The model client was stopped: nothing is sent any more.", type: "final" },
  },
});
