import { type Delivery, isBusError } from "../../bus/port.ts";
import { mostBytes } from "../../bus/sizes.ts";
import { messageOf } from "../../core/error.ts";
import { encodeText } from "../../core/json.ts";
import { InProgress } from "../host/in-progress.ts";
import { insist } from "../host/insist.ts";
import type { Runtime } from "../host/runtime.ts";
import { shrinkOutcome } from "./smaller-result.ts";

/** Events that have one attempt each. */
type AloneEvent = "planned" | "deferred";

/** Results of one run. Those of one index belong together. */
interface Batch {
  readonly reply: string;
  /** A plan of version 2, or a deferral, is a message of its own. */
  event: "result" | AloneEvent;
  /** The JSON text of the fields that every result has. */
  readonly heads: string[];
  /** That of the outcome: what is too large for the bus is made smaller in here. */
  readonly outcomes: string[];
  readonly deliveries: Delivery[];
  readonly done: (() => void)[];
  bytes: number;
}

const emptyBatch = (reply: string, event: Batch["event"] = "result"): Batch => ({
  reply,
  event,
  heads: [],
  outcomes: [],
  deliveries: [],
  done: [],
  bytes: 0,
});

/** Around the results of a message, bytes. */
const FRAME = 64;

/**
 * Group commit: the results that come about in one turn of the event loop go to the log as one message a run, and the
 * tasks are acknowledged when that is stored. A lone result is committed at the end of its turn: no added wait.
 */
export class Committer {
  readonly #runtime: Runtime;
  #batches = new Map<string, Batch>();
  readonly #inProgress = new InProgress();
  #scheduled = false;
  readonly #abandoned = new AbortController();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** `head` and `outcome` are the JSON text of a result's fields; `done` is called when it is stored and its task acknowledged. */
  add(reply: string, head: string, outcome: string, delivery: Delivery, done: () => void): void {
    const bytes = Buffer.byteLength(head) + Buffer.byteLength(outcome) + 4;
    let batch = this.#batches.get(reply);
    if (batch && batch.bytes + bytes > mostBytes(this.#runtime.bus) - FRAME) {
      this.#commit(batch);
      batch = undefined;
    }
    batch ??= emptyBatch(reply);
    this.#batches.set(reply, batch);
    batch.heads.push(head);
    batch.outcomes.push(outcome);
    batch.deliveries.push(delivery);
    batch.done.push(done);
    batch.bytes += bytes;
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#runtime.clock.endOfTurn(() => this.#flush());
  }

  /** The same for what is an event of its own. */
  addAlone(
    reply: string,
    event: AloneEvent,
    head: string,
    outcome: string,
    delivery: Delivery,
    done: () => void,
  ): void {
    const batch = { ...emptyBatch(reply, event), heads: [head], outcomes: [outcome] };
    this.#commit({ ...batch, deliveries: [delivery], done: [done] });
  }

  /** Resolves when everything added so far is stored. */
  async settled(): Promise<void> {
    this.#flush();
    await this.#inProgress.finished();
  }

  /** Stops repeating what cannot be stored: the tasks will be delivered again elsewhere. */
  abandon(): void {
    this.#abandoned.abort();
  }

  #flush(): void {
    this.#scheduled = false;
    const batches = this.#batches;
    this.#batches = new Map();
    for (const batch of batches.values()) this.#commit(batch);
  }

  #commit(batch: Batch): void {
    this.#inProgress.add(this.#store(batch));
  }

  async #store(batch: Batch): Promise<void> {
    const { reply, event, deliveries, done } = batch;
    const { bus, log } = this.#runtime;
    const data = encodeText(textOf(batch));
    const name = () => `${deliveries.length} for ${reply}`;
    try {
      const stored = await insist(this.#runtime, () => bus.append(`${reply}.${event}`, data), {
        work: RESULTS,
        name,
        passes: (error) => !isBusError(error, "too-large"),
        signal: this.#abandoned.signal,
      });
      // The result is in the log; a lost ack costs a redelivery that finds the attempt settled.
      if (stored) for (const delivery of deliveries) delivery.ack();
      else log("warn", `results were not stored, so their tasks are delivered again: ${name()}`);
    } catch (error) {
      return this.#storeSmaller(batch, messageOf(error));
    }
    for (const one of done) one();
  }

  /** The bus takes less than when the results were gathered: one by one, and in less room. */
  async #storeSmaller(batch: Batch, problem: string): Promise<void> {
    if (batch.deliveries.length > 1) {
      await Promise.all(split(batch).map((one) => this.#store(one)));
      return;
    }
    const json = batch.outcomes[0]!;
    const shrink = () => shrinkOutcome(this.#runtime.blobs, json, problem);
    const options = { work: RESULTS, name: () => `1 for ${batch.reply}`, passes: () => true };
    const smaller = await insist(this.#runtime, shrink, { ...options, signal: this.#abandoned.signal });
    if (smaller !== undefined && smaller !== json) {
      batch.outcomes[0] = smaller;
      if (smaller.startsWith('"error')) batch.event = "result";
      return this.#store(batch);
    }
    const { log } = this.#runtime;
    log("error", `the result of an attempt, for ${batch.reply}, could not be stored: ${problem}`);
    for (const one of batch.done) one();
  }
}

function textOf({ event, heads, outcomes }: Batch): string {
  const results = heads.map((head, i) => `${head},${outcomes[i]}`);
  return event !== "result" ? `{"v":2,${results[0]}}` : `{"v":1,"results":[{${results.join("},{")}}]}`;
}

const split = ({ reply, heads, outcomes, deliveries, done }: Batch): Batch[] =>
  deliveries.map((delivery, i) => ({
    ...emptyBatch(reply),
    heads: [heads[i]!],
    outcomes: [outcomes[i]!],
    deliveries: [delivery],
    done: [done[i]!],
  }));

const RESULTS = { one: "message of results is not stored yet", many: "messages of results are not stored yet" };
