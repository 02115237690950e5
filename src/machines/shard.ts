import { fromPromise, setup } from "xstate";

/**
 * The life of one shard in one orchestrator, from "somebody else's" to "mine" and back. Every orchestrator runs one of
 * these for each shard; the claim in the bucket, written by compare-and-set, decides between them.
 */
export type ShardMachineEvent =
  /** By the membership as we see it, this orchestrator should own the shard. */
  | { readonly type: "assigned" }
  /** Another one should. */
  | { readonly type: "unassigned" }
  /** Our lease has run out, or we are about to: nothing may be written any more. */
  | { readonly type: "leaseLost" }
  /** Somebody's claim has changed: it may be ours to take now. */
  | { readonly type: "claimChanged" };

/** Resolves true when the shard is ours now, false when its owner is alive and has not let go yet. */
export type ClaimOutcome = boolean;

export const shardMachine = setup({
  types: {} as { events: ShardMachineEvent },
  actors: {
    claim: fromPromise<ClaimOutcome>(async () => false),
    /** Lists the queue, replays the log, dispatches what is in neither. */
    replay: fromPromise<void>(async () => {}),
    /** Stops acting for the shard at once, waits for what is under way, and gives the claim back. */
    release: fromPromise<void>(async () => {}),
    /** Stops acting at once, and leaves the claim as it is: it may be somebody else's by now. */
    abandon: fromPromise<void>(async () => {}),
  },
  guards: {
    isOurs: ({ event }) => "output" in event && event.output === true,
  },
  delays: { retryDelay: 500 },
}).createMachine({
  id: "shard",
  initial: "unowned",
  states: {
    unowned: {
      description: "Another orchestrator's, or nobody's.",
      on: { assigned: "claiming" },
    },
    claiming: {
      invoke: {
        src: "claim",
        onDone: [{ guard: "isOurs", target: "replaying" }, { target: "waiting" }],
        onError: "waiting",
      },
      on: { unassigned: "releasing", leaseLost: "abandoning" },
    },
    waiting: {
      description: "Assigned to us, while its owner has not let go of it yet.",
      after: { retryDelay: "claiming" },
      on: { claimChanged: "claiming", unassigned: "unowned", leaseLost: "unowned" },
    },
    replaying: {
      invoke: { src: "replay", onDone: "live", onError: "releasing" },
      on: { unassigned: "releasing", leaseLost: "abandoning" },
    },
    live: {
      description: "Ours: its log is followed, and what is ready is dispatched.",
      on: { unassigned: "releasing", leaseLost: "abandoning" },
    },
    releasing: {
      invoke: { src: "release", onDone: "unowned", onError: "unowned" },
    },
    abandoning: {
      invoke: { src: "abandon", onDone: "unowned", onError: "unowned" },
    },
  },
});
