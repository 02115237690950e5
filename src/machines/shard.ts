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
  /** Its log goes on in a way that only a newer build can read, or has made the fold throw: nothing more may be done by this one. */
  | { readonly type: "unreadable" }
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
      description: "Writes our claim, if nobody alive has one.",
      invoke: {
        src: "claim",
        onDone: [{ guard: "isOurs", target: "replaying" }, { target: "waiting" }],
        onError: "doubtful",
      },
      on: { unassigned: "releasing", leaseLost: "abandoning" },
    },
    waiting: {
      description:
        "Assigned to us, while its owner has not let go of it yet. That may be ourselves: a claim that was interrupted can land late.",
      after: { retryDelay: "claiming" },
      on: { claimChanged: "claiming", unassigned: "releasing", leaseLost: "doubtful" },
    },
    replaying: {
      description: "Ours; its log is folded, and nothing is done yet.",
      invoke: { src: "replay", onDone: "live", onError: "releasing" },
      on: { unassigned: "releasing", unreadable: "releasing", leaseLost: "abandoning" },
    },
    live: {
      description: "Ours: its log is followed, and what is ready is dispatched.",
      on: { unassigned: "releasing", unreadable: "releasing", leaseLost: "abandoning" },
    },
    releasing: {
      description: "Nothing more is done; what is under way is waited for, and the claim given back.",
      invoke: { src: "release", onDone: "unowned", onError: "doubtful" },
    },
    abandoning: {
      description: "Nothing more is done, and nothing more can be written.",
      invoke: { src: "abandon", onDone: "doubtful", onError: "doubtful" },
    },
    doubtful: {
      description: "Not ours, but our claim may still stand, and keep others from taking the shard while we are alive.",
      on: { assigned: "claiming", unassigned: "releasing" },
    },
  },
});
