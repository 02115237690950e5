import type { Bucket, Bus } from "../../bus/port.ts";
import type { Topology } from "../../bus/topology.ts";
import { encodeJson } from "../../core/json.ts";
import type { Logger } from "../../core/logger.ts";
import { PRIORITIES, type Priority } from "../../core/names.ts";
import { BucketMirror } from "./bucket-mirror.ts";

type Listener = (type: string, priority: Priority) => void;

const keyOf = (type: string, priority: Priority): string => `${type}.${priority}`;

/**
 * The queues that workers have to take from: always that of normal priority, and any other as soon as a task was meant
 * for it, as the bucket `queues` records. Each consumer of a stream costs the server time for every task of any type,
 * and most programs use one priority.
 */
export class QueuesInUse {
  readonly #bucket: Bucket;
  readonly #known: BucketMirror<true>;
  readonly #adding = new Map<string, Promise<void>>();

  /** Every key that this process has ever known. */
  readonly #seen: Set<string>;

  private constructor(bucket: Bucket, known: BucketMirror<true>) {
    this.#bucket = bucket;
    this.#known = known;
    this.#seen = new Set(known.entries.keys());
    known.onChange((key) => this.#seen.add(key));
  }

  static async open(bus: Bus, topology: Topology, log: Logger): Promise<QueuesInUse> {
    const definition = topology.buckets.queues;
    const bucket = await bus.bucket(definition);
    // Only the key matters.
    const known = await BucketMirror.open(bucket, { bucket: definition.name, parse: () => true as const, log });
    return new QueuesInUse(bucket, known);
  }

  stop(): Promise<void> {
    return this.#known.stop();
  }

  has(type: string, priority: Priority): boolean {
    return priority === "normal" || this.#known.entries.has(keyOf(type, priority));
  }

  /**
   * Resolves once it is certain that all workers of the type, also those that start later, take from the queue. Rejects
   * with a BusError.
   */
  async add(type: string, priority: Priority): Promise<void> {
    if (this.has(type, priority)) return;
    const key = keyOf(type, priority);
    let adding = this.#adding.get(key);
    if (!adding) {
      adding = this.#add(key).finally(() => this.#adding.delete(key));
      this.#adding.set(key, adding);
    }
    await adding;
  }

  async #add(key: string): Promise<void> {
    const value = encodeJson({ v: 1 });
    if (!(await this.#bucket.get(key))) await this.#bucket.put(key, value);
    this.#known.take(key, value);
  }

  /** Adds all known queues again after the bucket was lost, since tasks on them may still be open. */
  async restore(): Promise<void> {
    for (const key of this.#seen) await this.#add(key);
  }

  /** Calls `listener` for each queue that comes into use from now on. Returns a function that removes it. */
  onAdded(listener: Listener): () => void {
    // A queue that was lost and is added again has been reported before.
    const reported = new Set(this.#known.entries.keys());
    return this.#known.onChange((key, value) => {
      if (!value || reported.has(key)) return;
      reported.add(key);
      const [type = "", name] = key.split(".");
      const priority = PRIORITIES.find((one) => one === name);
      if (priority) listener(type, priority);
    });
  }
}
