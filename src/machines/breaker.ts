import { setup } from "xstate";

/** What opossum, which counts requests and decides, reports of a circuit breaker. */
export type BreakerMachineEvent =
  /** Too many requests of the window failed, or the one on trial did. */
  | { readonly type: "opened" }
  /** The time for which nothing is sent is over. */
  | { readonly type: "halfOpened" }
  /** The request on trial succeeded. */
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
  description: "The circuit breaker before one model endpoint: while the endpoint fails, calls cost it nothing.",
  initial: "closed",
  states: {
    closed: {
      description: "Requests are sent, and their failures counted.",
      on: { opened: "open", shutDown: "stopped" },
    },
    open: {
      description: "The endpoint keeps failing: nothing is sent.",
      entry: "noteFailure",
      on: { halfOpened: "halfOpen", shutDown: "stopped" },
    },
    halfOpen: {
      description: "One request is sent to see whether the endpoint works again; others are refused meanwhile.",
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
