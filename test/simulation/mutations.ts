import type { Fault } from "./weather.ts";

/** A deliberate bug: a snippet of a source file, and what takes its place. */
export interface Mutation {
  readonly name: string;
  /** Below `src`. */
  readonly file: string;
  readonly snippet: string;
  readonly instead: string;
  /** The weather in which it shows, where others seldom bring it about. */
  readonly faults?: readonly Fault[];
  /** It shows where runs outlive the log's age. */
  readonly ageing?: true;
}

/** Each must be found by the simulator. Where a snippet is no longer in its file, loading the mutant fails. */
export const MUTATIONS: readonly Mutation[] = [
  {
    name: "count results of attempts that are closed",
    file: "fold/apply.ts",
    snippet: `if (!isOpen(task, read.attempt)) return;`,
    instead: "if (!hasOpenAttempt(task)) return;",
    faults: ["append", "pause"],
  },
  {
    name: "change a run after its end",
    file: "fold/apply.ts",
    snippet: `if (isOver(run) && event.kind !== "redrive") return;`,
    instead: "",
  },
  {
    name: "take a moment for due before it has come",
    file: "fold/due.ts",
    snippet: `if (turn.at < task.dueAt) return arm(task, "backoff", task.dueAt, turn);`,
    instead: "",
    faults: ["skew", "crash"],
  },
  {
    name: "count a deferred or lost attempt as one",
    file: "machines/task.ts",
    snippet: "giveAttemptBack: assign({ spent: ({ context }) => context.spent + 1 }),",
    instead: "giveAttemptBack: assign({ spent: ({ context }) => context.spent }),",
  },
  {
    name: "go on before a deferral is over",
    file: "fold/deferral.ts",
    snippet: "return Math.max(stated, at + LEAST_DELAY_MS);",
    instead: "return at;",
  },
  {
    name: "take for lost what a worker that is alive has",
    file: "actors/cluster/worker-watch.ts",
    snippet: "if (!owner || taken.has(subject)) continue;",
    instead: "if (!owner) continue;",
    faults: ["crash"],
  },
  {
    name: "retry without a bound to the backoff",
    file: "core/policy.ts",
    snippet: "const delay = Math.min(stated.delay * growth, stated.maxDelay);",
    instead: "const delay = stated.delay * growth;",
  },
  {
    name: "dispatch before what is needed",
    file: "fold/tree.ts",
    snippet: "if (--dependent.missing === 0 && ",
    instead: "if (--dependent.missing >= 0 && ",
  },
  {
    name: "redrive without opening a new attempt",
    file: "machines/task.ts",
    snippet: "beginRound: assign({ attempt: ({ context }) => context.attempt + 1,",
    instead: "beginRound: assign({ attempt: ({ context }) => context.attempt,",
  },
  {
    name: "count a redrive for every failure since",
    file: "fold/apply.ts",
    snippet: "if (attempt !== undefined && attempt !== attemptOf(task)) return;",
    instead: "",
    faults: ["append", "pause"],
  },
  {
    name: "forget a run that ended, although it is redriven",
    file: "actors/shard/shard-fold.ts",
    snippet: "return this.#reopen(key, event, read, effects);",
    instead: "return;",
  },
  {
    name: "take the first end of a redriven run for its last",
    file: "actors/shard/effect-handler.ts",
    snippet: "{ onceSince: run.endSequence }",
    instead: "{ onceSince: 0 }",
  },
  {
    name: "abort a run for good that may be redriven",
    file: "actors/dispatch/attempt-canceller.ts",
    snippet: `!snapshot.hasTag("unwinding") && !snapshot.context.isRedrivable`,
    instead: `!snapshot.hasTag("unwinding")`,
  },
  {
    name: "let a checkpoint pass a run that was redriven",
    file: "actors/shard/shard-fold.ts",
    snippet: "this.positions.unfinished(replay.state, replay.positions);",
    instead: "",
    faults: ["crash", "restart"],
  },
  {
    name: "leave the dead letter of what was redriven",
    file: "actors/dead/dead-letters.ts",
    snippet: "if (record && attempt < attemptOf(record)) await bus.removeSubject(name, subject);",
    instead: "",
  },
  {
    name: "end a run before its dead letter is stored",
    file: "actors/shard/effect-handler.ts",
    snippet: "await this.#dependencies.letters.record(run, wanted);",
    instead: "",
  },
  {
    name: "acknowledge before the result is stored",
    file: "actors/worker/committer.ts",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source text
    snippet: "const stored = await insist(this.#runtime, () => bus.append(`${reply}.${event}`, data), {",
    instead:
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source text
      "for (const delivery of deliveries) delivery.ack();\nconst stored = await insist(this.#runtime, () => bus.append(`${reply}.${event}`, data), {",
  },
  {
    name: "acknowledge a request before it is stored",
    file: "actors/gateway/durable-requests.ts",
    snippet: "const request = await readRequest(runtime, type, delivery);",
    instead: "delivery.ack();\nconst request = await readRequest(runtime, type, delivery);",
  },
  {
    name: "ignore the lease",
    file: "actors/cluster/lease.ts",
    snippet: "const USABLE = 0.8;",
    instead: "const USABLE = 1e6;",
  },
  {
    name: "claim without comparing",
    file: "actors/cluster/claims.ts",
    snippet: "await this.#bucket.update(key, next, entry.revision);",
    instead: "await this.#bucket.put(key, next);",
    faults: ["delay", "restart"],
  },
  {
    name: "take a shard whose owner is alive",
    file: "actors/cluster/claims.ts",
    snippet: "return (await this.#presences.get(owner)) !== undefined;",
    instead: "return owner === undefined;",
  },
  {
    name: "forget timers in a replay",
    file: "fold/obligations.ts",
    snippet: `if (stateOf(task) === "backingOff" ||`,
    instead: `if (stateOf(task) === "failed" ||`,
  },
  {
    name: "skip the list of the queue at a takeover",
    file: "actors/shard/shard-owner.ts",
    snippet: "await this.#reconciler.listQueue()",
    instead: "[]",
    faults: ["delay", "restart"],
  },
  {
    name: "lose withdrawals",
    file: "actors/dispatch/attempt-canceller.ts",
    snippet: "const { tenant, run } = at;",
    instead: "if (at) return;\nconst { tenant, run } = at;",
    faults: ["delay"],
  },
  {
    name: "put a task on a queue of which no worker is told",
    file: "actors/dispatch/dispatcher.ts",
    snippet: "await this.#runtime.queues.add(task.spec.type, priorityOf(task));",
    instead: "",
    faults: [],
  },
  {
    name: "take an unconfirmed dispatch for done",
    file: "actors/dispatch/dispatcher.ts",
    snippet: "if (isDoubtful && (await this.#isQueued(sending))) return;",
    instead: "if (isDoubtful) return;",
  },
  {
    name: "write the end only once",
    file: "actors/log/log-writer.ts",
    snippet: `if (!isBusError(error, "wrong-sequence")) throw error;`,
    instead: `if (isBusError(error, "unconfirmed")) return;\nif (!isBusError(error, "wrong-sequence")) throw error;`,
  },
  {
    name: "execute what is delivered again without asking",
    file: "actors/worker/delivery-check.ts",
    snippet: "lossesOf(delivery) > 0 || delivery.timestamp < this.#doubtedBefore",
    instead: "delivery.timestamp < this.#doubtedBefore",
  },
  {
    name: "go on by a lease that was lost and won again",
    file: "actors/cluster/lease.ts",
    snippet: "this.#noticeEnd();\n    this.#renewedAt = sentAt;",
    instead: "this.#renewedAt = sentAt;",
    faults: ["pause"],
  },
  {
    name: "repeat a dispatch when the shard is another's",
    file: "actors/dispatch/dispatcher.ts",
    snippet: "if (sending) sending.wanted = false;",
    instead: "",
    faults: ["append", "crash"],
  },
  {
    name: "acknowledge a request that there is no room for",
    file: "actors/gateway/durable-requests.ts",
    snippet: "if (code >= 500) return",
    instead: "if (code === 503) return delivery.ack();\n      if (code >= 500) return",
    faults: ["full"],
  },
  {
    name: "take a dispatch that a full queue refused for done",
    file: "actors/dispatch/dispatcher.ts",
    snippet: "passes: (error) => isDoubtful || isPassing(error),",
    instead: `passes: (error) => (isBusError(error, "full") ? !sending.task.run : isDoubtful || isPassing(error)),`,
    faults: ["full"],
  },
  {
    name: "forget who waits for the queue",
    file: "actors/dispatch/queue-gate.ts",
    snippet: "this.#letNextIn(line.queue);",
    instead: "",
  },
  {
    name: "queue one more than the limit",
    file: "actors/dispatch/queue-gate.ts",
    snippet: "line.queue.count < this.#most && line.count < this.#mostOfRun",
    instead: "line.queue.count <= this.#most",
    faults: ["skew"],
  },
  {
    name: "let in one run more than the limit",
    file: "actors/cluster/run-load.ts",
    snippet: "if (count >= Math.ceil(share * this.most))",
    instead: "if (count > Math.ceil(share * this.most))",
    faults: ["skew"],
  },
  {
    name: "begin one more than the limit",
    file: "actors/worker/slot-pool.ts",
    snippet: "this.limit = limit;",
    instead: "this.limit = limit + 1;",
  },
  {
    name: "move the checkpoint past unfinished runs",
    file: "actors/log/replay-positions.ts",
    snippet: "for (const { base } of this.#open.values()) if (base.sequence < oldest.sequence) oldest = base;",
    instead: "",
  },
  {
    name: "carry a run without its last event",
    file: "actors/shard/compaction-writer.ts",
    snippet: "if (events[0]?.sequence === original.sequence) return events;",
    instead: "if (events[0]?.sequence === original.sequence) return events.slice(0, -1);",
    ageing: true,
  },
  {
    name: "lose what comes while a run is being carried",
    file: "actors/log/run-replay.ts",
    snippet: "[...rest, ...copy.since]",
    instead: "rest",
    ageing: true,
  },
  {
    name: "let unfinished runs go by age",
    file: "actors/shard/compaction-writer.ts",
    snippet: "const CARRIED_AT = 1 / 2;",
    instead: "const CARRIED_AT = 1000;",
    ageing: true,
  },
];
