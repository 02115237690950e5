import { type Delivery, isBusError } from "../../bus/port.ts";
import { pauseMs, sleep } from "../../core/clock.ts";
import { messageOf } from "../../core/error.ts";
import { encodeText } from "../../core/json.ts";
import { INLINE_LIMIT } from "../host/blobs.ts";
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
  readonly #underWay = new Set<Promise<void>>();
  #scheduled = false;
  #abandoned = false;

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

  /** Resolves when everything added so far is stored. */
  async settled(): Promise<void> {
    this.#flush();
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
  }

  /** Stops repeating what cannot be stored: the tasks will be delivered again elsewhere. */
  abandon(): void {
    this.#abandoned = true;
  }

  #flush(): void {
    this.#scheduled = false;
    const batches = this.#batches;
    this.#batches = new Map();
    for (const batch of batches.values()) this.#commit(batch);
  }

  #commit(batch: Batch): void {
    const stored = this.#store(batch);
    this.#underWay.add(stored);
    void stored.then(() => this.#underWay.delete(stored));
  }

  async #store({ reply, results, deliveries, done }: Batch): Promise<void> {
    const { bus, clock, log } = this.#runtime;
    const data = encodeText(`{"v":1,"results":[${results.join(",")}]}`);
    for (let tries = 0; !this.#abandoned; tries++) {
      try {
        await bus.append(`${reply}.result`, data);
        // The result is in the log; a lost ack costs a redelivery that finds the attempt settled.
        for (const delivery of deliveries) delivery.ack();
        break;
      } catch (error) {
        if (isBusError(error, "closed", "too-large")) {
          log("error", `${results.length} results for ${reply} could not be stored: ${messageOf(error)}`);
          break;
        }
        if (tries % 10 === 0)
          log("warn", `${results.length} results for ${reply} are not stored yet: ${messageOf(error)}`);
        await sleep(clock, pauseMs(tries));
      }
    }
    for (const one of done) one();
  }
}
