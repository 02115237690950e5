import { fromPromise, setup } from "xstate";

/**
 * What happens to one shard in one orchestrator. Every orchestrator has one of these actors for each shard; the claim in
 * the bucket, written by compare-and-set, decides between them.
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
  /** The claim in the bucket has changed: the shard may be ours to take now. */
  | { readonly type: "claimChanged" };

/** Resolves true when the shard is ours now, false when its owner is alive and has not let go yet. */
export type ClaimOutcome = boolean;

/** Which shard of the log an actor is for: 0, 1, … */
export interface ShardInput {
  readonly shard: number;
}

const sameShard = ({ context }: { readonly context: ShardInput }): ShardInput => ({ shard: context.shard });

export const shardMachine = setup({
  types: {} as {
    context: ShardInput;
    events: ShardMachineEvent;
    input: ShardInput;
    /** `moving`: on its way to us or from us. `live`: its owner works here. */
    tags: "moving" | "live";
  },
  // Effects: the host provides all of them.
  actors: {
    /** Writes our claim, unless another's stands whose owner is alive. */
    claim: fromPromise<ClaimOutcome, ShardInput>(async () => false),
    /** Lists the queue, replays the log, dispatches what is in neither. */
    replay: fromPromise<void, ShardInput>(async () => {}),
    /** Waits for what is in progress, and gives the claim back. */
    release: fromPromise<void, ShardInput>(async () => {}),
    /** Waits for what is in progress, and leaves the claim as it is: it may be another's by now. */
    abandon: fromPromise<void, ShardInput>(async () => {}),
  },
  actions: {
    /** Ends every effect for the shard in this very turn: nothing more is dispatched or written. */
    suspend: () => {},
  },
  guards: {
    isOurs: ({ event }) => "output" in event && event.output === true,
  },
  delays: { retryDelay: 500 },
}).createMachine({
  id: "shard",
  description: "The life of one shard in one orchestrator, from another's to our own and back.",
  context: ({ input }) => input,
  initial: "unowned",
  states: {
    unowned: {
      description: "Another orchestrator's, or without an owner.",
      on: { assigned: "claiming" },
    },
    claiming: {
      description: "Writes our claim, unless an owner that is alive has one.",
      tags: "moving",
      invoke: {
        id: "claim",
        src: "claim",
        input: sameShard,
        onDone: [{ guard: "isOurs", target: "replaying" }, { target: "waiting" }],
        onError: "doubtful",
      },
      on: { unassigned: "releasing", leaseLost: "abandoning" },
    },
    waiting: {
      description:
        "Assigned to us, while its owner has not let go of it yet. That may be ourselves: a claim that was interrupted can land late.",
      after: { retryDelay: "claiming" },
      on: {
        claimChanged: "claiming",
        // Its owner may have expired, of which no event tells.
        assigned: "claiming",
        unassigned: "releasing",
        leaseLost: "doubtful",
      },
    },
    replaying: {
      description: "Ours; its log is folded, and nothing is done yet.",
      tags: "moving",
      invoke: { id: "replay", src: "replay", input: sameShard, onDone: "live", onError: "releasing" },
      on: { unassigned: "releasing", unreadable: "releasing", leaseLost: "abandoning" },
    },
    live: {
      description: "Ours: its log is followed, and what is ready is dispatched.",
      tags: "live",
      on: { unassigned: "releasing", unreadable: "releasing", leaseLost: "abandoning" },
    },
    releasing: {
      description: "Nothing more is done; what is in progress is waited for, and the claim given back.",
      tags: "moving",
      entry: "suspend",
      invoke: { id: "release", src: "release", input: sameShard, onDone: "unowned", onError: "doubtful" },
    },
    abandoning: {
      description: "Nothing more is done, and nothing more can be written.",
      tags: "moving",
      entry: "suspend",
      invoke: { id: "abandon", src: "abandon", input: sameShard, onDone: "doubtful", onError: "doubtful" },
    },
    doubtful: {
      description: "Not ours, but our claim may still stand, and keep others from taking the shard while we are alive.",
      on: { assigned: "claiming", unassigned: "releasing" },
    },
  },
});
