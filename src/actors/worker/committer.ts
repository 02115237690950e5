import { type Delivery, isBusError } from "../../bus/port.ts";
import { messageOf } from "../../core/error.ts";
import { encodeText } from "../../core/json.ts";
import { INLINE_LIMIT } from "../host/blobs.ts";
import { InProgress } from "../host/in-progress.ts";
import { insist } from "../host/insist.ts";
import type { Runtime } from "../host/runtime.ts";

interface Batch {
  readonly reply: string;
  readonly results: string[];
  readonly deliveries: Delivery[];
  readonly done: (() => void)[];
  bytes: number;
}

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

  /** `result` is the JSON text of one result; `done` is called when it is stored and its task acknowledged. */
  add(reply: string, result: string, delivery: Delivery, done: () => void): void {
    const bytes = Buffer.byteLength(result) + 1;
    let batch = this.#batches.get(reply);
    if (batch && batch.bytes + bytes > INLINE_LIMIT) {
      this.#commit(batch);
      batch = undefined;
    }
    batch ??= { reply, results: [], deliveries: [], done: [], bytes: 0 };
    this.#batches.set(reply, batch);
    batch.results.push(result);
    batch.deliveries.push(delivery);
    batch.done.push(done);
    batch.bytes += bytes;
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#runtime.clock.endOfTurn(() => this.#flush());
  }

  /** The same for a plan of version 2, which is a message of its own. */
  addPlanned(reply: string, planned: string, delivery: Delivery, done: () => void): void {
    const data = encodeText(`{"v":2,${planned.slice(1)}`);
    this.#inProgress.add(this.#store(`${reply}.planned`, data, [delivery], [done]));
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

  #commit({ reply, results, deliveries, done }: Batch): void {
    const data = encodeText(`{"v":1,"results":[${results.join(",")}]}`);
    this.#inProgress.add(this.#store(`${reply}.result`, data, deliveries, done));
  }

  async #store(
    subject: string,
    data: Uint8Array,
    deliveries: readonly Delivery[],
    done: readonly (() => void)[],
  ): Promise<void> {
    const { bus, log } = this.#runtime;
    const name = () => `${deliveries.length} for ${subject}`;
    const passes = (error: unknown) => !isBusError(error, "too-large");
    try {
      const stored = await insist(this.#runtime, () => bus.append(subject, data), {
        work: RESULTS,
        name,
        passes,
        signal: this.#abandoned.signal,
      });
      // The result is in the log; a lost ack costs a redelivery that finds the attempt settled.
      if (stored) for (const delivery of deliveries) delivery.ack();
      else log("warn", `results were not stored, so their tasks are delivered again: ${name()}`);
    } catch (error) {
      log("error", `results could not be stored: ${name()}: ${messageOf(error)}`);
    }
    for (const one of done) one();
  }
}

const RESULTS = { one: "message of results is not stored yet", many: "messages of results are not stored yet" };
