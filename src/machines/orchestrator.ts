import { type ActorRefFrom, assign, type EventObject, enqueueActions, fromCallback, fromPromise, setup } from "xstate";
import { shardMachine } from "./shard.ts";

/** The life of an orchestrator process, parent of its shards. */
export interface OrchestratorContext {
  readonly shardCount: number;
  /** One actor for each shard of the log, whoever owns it. */
  readonly shards: readonly ActorRefFrom<typeof shardMachine>[];
  /** Why it could not go on. */
  readonly failure: unknown;
}

export type OrchestratorMachineEvent =
  /** The lease holds, and by the members as this one sees them these shards are its own. */
  | { readonly type: "shardsAssigned"; readonly ours: ReadonlySet<number> }
  /** The lease has run out, or the bus has lost what it stands for: the shards are not ours any more. */
  | { readonly type: "leaseLost" }
  /** The lease cannot be asked for: the bus refuses. */
  | { readonly type: "leaseFailed"; readonly error: unknown }
  /** No shard is being claimed, replayed or given back. */
  | { readonly type: "shardsSettled" }
  | { readonly type: "drain" };

export const orchestratorMachine = setup({
  types: {} as {
    context: OrchestratorContext;
    events: OrchestratorMachineEvent;
    input: { readonly shardCount: number };
    tags: "joining" | "open";
  },
  // Effects: the host provides all of them.
  actors: {
    /** Keeps the presence alive, which is the lease of all shards, and follows who else is alive. */
    lease: fromCallback<EventObject>(() => {}),
    /** One shard: see its own chart. */
    shard: shardMachine,
    /** Serves requests and queries, and begins to take stored requests. */
    openGateway: fromPromise<void>(async () => {}),
    /** Takes no more requests, and finishes those that it has. */
    closeGateway: fromPromise<void>(async () => {}),
    /** Stores what is still to be stored, and withdraws the presence. */
    leave: fromPromise<void>(async () => {}),
  },
  actions: {
    spawnShards: assign({
      shards: ({ spawn, context }) =>
        Array.from({ length: context.shardCount }, (_, shard) =>
          spawn("shard", { id: `shard-${shard}`, input: { shard } }),
        ),
    }),
    assignShards: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== "shardsAssigned") return;
      for (const [shard, actor] of context.shards.entries())
        enqueue.sendTo(actor, { type: event.ours.has(shard) ? "assigned" : "unassigned" });
    }),
    abandonShards: enqueueActions(({ context, enqueue }) => {
      for (const actor of context.shards) enqueue.sendTo(actor, { type: "leaseLost" });
    }),
    releaseShards: enqueueActions(({ context, enqueue }) => {
      for (const actor of context.shards) enqueue.sendTo(actor, { type: "unassigned" });
    }),
    keepFailure: assign({ failure: ({ event }) => ("error" in event ? event.error : undefined) }),
  },
}).createMachine({
  id: "orchestrator",
  description: "The life of an orchestrator process: it holds a lease, owns shards by it, and answers requests.",
  context: ({ input }) => ({ shardCount: input.shardCount, shards: [], failure: undefined }),
  entry: "spawnShards",
  invoke: { id: "lease", src: "lease" },
  initial: "joining",
  states: {
    joining: {
      description: "Becomes a member, and takes the shards that are free.",
      tags: "joining",
      initial: "renewing",
      on: {
        leaseLost: { target: ".renewing", actions: "abandonShards" },
        leaseFailed: { target: "draining", actions: "keepFailure" },
        drain: "draining",
      },
      states: {
        renewing: {
          description: "Waits until its first renewal is confirmed.",
          on: { shardsAssigned: { target: "settling", actions: "assignShards" } },
        },
        settling: {
          description: "Its shards are being claimed and replayed.",
          on: {
            shardsAssigned: { actions: "assignShards" },
            shardsSettled: "opening",
          },
        },
        opening: {
          description: "The gateway begins to answer.",
          invoke: {
            id: "openGateway",
            src: "openGateway",
            onDone: "#orchestrator.serving",
            onError: { target: "#orchestrator.draining", actions: "keepFailure" },
          },
          on: { shardsAssigned: { actions: "assignShards" } },
        },
      },
    },
    serving: {
      description: "Holds the lease: owns shards, dispatches their tasks, and answers requests.",
      tags: "open",
      on: {
        shardsAssigned: { actions: "assignShards" },
        leaseLost: "leaseless",
        drain: "draining",
      },
    },
    leaseless: {
      description: "It owns nothing, because its lease could not be renewed in time; it goes on answering requests.",
      tags: "open",
      entry: "abandonShards",
      on: {
        shardsAssigned: { target: "serving", actions: "assignShards" },
        drain: "draining",
      },
    },
    draining: {
      description: "Takes its leave. The lease goes on until all shards are given back.",
      initial: "closing",
      on: { leaseLost: { actions: "abandonShards" } },
      states: {
        closing: {
          description: "Requests that it has taken are finished.",
          invoke: { id: "closeGateway", src: "closeGateway", onDone: "releasing", onError: "releasing" },
        },
        releasing: {
          description: "Its shards are given back, so that others can take over at once.",
          entry: "releaseShards",
          on: { shardsSettled: "leaving" },
        },
        leaving: {
          description: "Owns nothing any more; stores what it has left to store, and withdraws its presence.",
          invoke: { id: "leave", src: "leave", onDone: "#orchestrator.stopped", onError: "#orchestrator.stopped" },
        },
      },
    },
    stopped: { description: "Nothing is left of it on the bus.", type: "final" },
  },
});
