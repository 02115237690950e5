import type { Bucket } from "../../bus/port.ts";
import { messageOf } from "../../core/error.ts";
import { encodeJson } from "../../core/json.ts";
import { type TracedUpTo, tracedUpTo } from "../../core/settings.ts";
import { parseBy } from "../host/bucket-entry.ts";
import type { Runtime } from "../host/runtime.ts";

type MarkHost = Pick<Runtime, "bus" | "log" | "topology">;

/**
 * Up to which `ended` of a shard the traces of its runs were exported. It is stored, so that a new owner neither leaves out
 * a run whose trace died with the former owner, nor writes one a second time; between an export and the storing of its mark
 * lies one message to the bus. Where it cannot be read or stored, traces may be written twice.
 */
export class TracedMark {
  readonly #host: MarkHost;
  readonly #key: string;
  readonly #bucket: Bucket;
  /** Of the ends whose traces were not exported yet, in the order of the log. */
  readonly #pending = new Set<number>();
  #exported: number;
  #stored: number;
  #storing: Promise<void> | undefined;
  /** What the former owner has exported. */
  readonly sequence: number;

  private constructor(host: MarkHost, key: string, bucket: Bucket, sequence: number) {
    this.#host = host;
    this.#key = key;
    this.#bucket = bucket;
    this.#exported = sequence;
    this.#stored = sequence;
    this.sequence = sequence;
  }

  /** Rejects when the bus does not answer. */
  static async read(host: MarkHost, shard: number): Promise<TracedMark> {
    const { bus, topology } = host;
    const key = `traced-${shard}`;
    const bucket = await bus.bucket(topology.buckets.config);
    const entry = await bucket.get(key);
    try {
      const sequence = entry ? parseBy(tracedUpTo)(entry.value, key).sequence : 0;
      return new TracedMark(host, key, bucket, sequence);
    } catch (error) {
      host.log("warn", `${key} cannot be read, so traces may be written twice: ${messageOf(error)}`);
      return new TracedMark(host, key, bucket, 0);
    }
  }

  /** A run has ended by the event with that sequence, and its spans are being written. */
  pending(sequence: number): void {
    this.#pending.add(sequence);
  }

  /** They were exported. */
  exported(sequence: number): void {
    this.#pending.delete(sequence);
    this.#exported = Math.max(this.#exported, sequence);
    this.#storing ??= this.#store().finally(() => {
      this.#storing = undefined;
    });
  }

  /** Resolves when what was exported so far is stored. Never rejects. */
  async stored(): Promise<void> {
    await this.#storing;
  }

  /** As often as it has moved meanwhile. */
  async #store(): Promise<void> {
    for (;;) {
      const [first = Number.POSITIVE_INFINITY] = this.#pending;
      const sequence = Math.min(this.#exported, first - 1);
      if (sequence <= this.#stored) return;
      try {
        await this.#bucket.put(this.#key, encodeJson({ v: 1, sequence } satisfies TracedUpTo));
        this.#stored = sequence;
      } catch (error) {
        this.#host.log("debug", `${this.#key} could not be stored: ${messageOf(error)}`);
        return;
      }
    }
  }
}
