import type { Bucket, Bus, Stoppable } from "../../bus/port.ts";
import type { Topology } from "../../bus/topology.ts";
import { encodeJson } from "../../core/json.ts";
import { PRIORITIES, type Priority } from "../../core/names.ts";

type Listener = (type: string, priority: Priority) => void;

const keyOf = (type: string, priority: Priority): string => `${type}.${priority}`;

/**
 * The queues that workers have to take from: that of normal priority always, any other once a task was meant for it, as
 * the bucket `queues` has it. Each consumer of a stream costs the server a part of every task, whosever it is, and most
 * programs use one priority. Kept current by a watch.
 */
export class QueuesInUse {
  readonly #bucket: Bucket;
  readonly #known = new Set<string>();
  readonly #adding = new Map<string, Promise<void>>();
  readonly #listeners = new Set<Listener>();
  #watch: Stoppable | undefined;

  private constructor(bucket: Bucket) {
    this.#bucket = bucket;
  }

  static async open(bus: Bus, topology: Topology): Promise<QueuesInUse> {
    const queues = new QueuesInUse(await bus.bucket(topology.buckets.queues));
    const ready = Promise.withResolvers<void>();
    queues.#watch = await queues.#bucket.watch((key, value) => value && queues.#take(key), ready.resolve);
    await ready.promise;
    return queues;
  }

  async stop(): Promise<void> {
    await this.#watch?.stop();
  }

  has(type: string, priority: Priority): boolean {
    return priority === "normal" || this.#known.has(keyOf(type, priority));
  }

  /** Resolves once the type's workers are certain to take from it, those too that come later. Rejects with a BusError. */
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
    if (!(await this.#bucket.get(key))) await this.#bucket.put(key, encodeJson({ v: 1 }));
    this.#take(key);
  }

  /** Calls `listener` for each that comes into use from now on. Returns a function that ends this. */
  onAdded(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #take(key: string): void {
    if (this.#known.has(key)) return;
    this.#known.add(key);
    const [type = "", name] = key.split(".");
    const priority = PRIORITIES.find((one) => one === name);
    if (priority) for (const listener of this.#listeners) listener(type, priority);
  }
}
