/**
 * A durable pull consumer with the rules of JetStream: redeliveries come before new messages; unsettled messages count
 * against `maxAckPending`, also while they wait for redelivery; pullers with demand take turns.
 */
import { Fifo } from "../fifo.ts";
import { type ConsumerDefinition, MOST_UNSETTLED, type StoredMessage } from "../port.ts";
import type { Network } from "./network.ts";
import type { MemoryStream, Reader } from "./stream.ts";
import { type Unsettled, UnsettledDeliveries } from "./unsettled.ts";

/** Receives messages while it has demand. */
export interface Taker {
  wants(): boolean;
  take(message: StoredMessage, deliveries: number): void;
}

export class MemoryConsumer implements Reader {
  #definition: ConsumerDefinition;
  readonly #stream: MemoryStream;
  readonly #network: Network;
  readonly #unsettled: UnsettledDeliveries;
  /** Sequences that were never delivered, in order of the stream. */
  #fresh = new Fifo<number>();
  #position = 0;
  readonly #takers = new Fifo<Taker>();
  readonly #waiting = new Set<Taker>();

  constructor(definition: ConsumerDefinition, stream: MemoryStream, network: Network) {
    this.#definition = definition;
    this.#stream = stream;
    this.#network = network;
    this.#unsettled = new UnsettledDeliveries(network.clock, definition.ackWaitMs, () => this.#dispatch());
    this.#read();
  }

  get definition(): ConsumerDefinition {
    return this.#definition;
  }

  /** The sequence of the newest that was taken to be delivered. */
  get position(): number {
    return this.#position;
  }

  redefine(definition: ConsumerDefinition): void {
    this.#stream.removeReader(this.#definition.filter, this);
    this.#definition = definition;
    this.#unsettled.setAckWait(definition.ackWaitMs);
    this.#read();
    this.#dispatch();
  }

  offer(sequence: number): void {
    this.#fresh.push(sequence);
    if (this.#takers.length > 0) this.#dispatch();
    // Messages that were removed from the stream before a puller asked for them leave their sequences behind.
    else if (this.#fresh.length > 1024 + 2 * this.#stream.count)
      this.#fresh.keep((left) => this.#stream.get(left) !== undefined);
  }

  /** Notes that `taker` has new demand. */
  want(taker: Taker): void {
    this.#unsettled.resume();
    if (this.#waiting.has(taker)) return;
    this.#waiting.add(taker);
    this.#takers.push(taker);
    this.#dispatch();
  }

  /** Ends a message that was acknowledged or terminated. */
  settle(sequence: number): void {
    this.#unsettled.settle(sequence);
    if (this.#stream.definition.retention === "work-queue") this.#stream.remove(sequence);
    this.#dispatch();
  }

  /** Frees the places that messages which were removed from the stream have among the unsettled. */
  forget(sequences: readonly number[]): void {
    for (const sequence of sequences) this.#unsettled.settle(sequence);
    this.#dispatch();
  }

  giveBack(sequence: number, delayMs = 0): void {
    this.#unsettled.giveBack(sequence, delayMs);
    this.#dispatch();
  }

  /** Of the first in order of the stream. */
  unsettledSubjects(): string[] {
    const sequences = this.#unsettled.sequences().toSorted((a, b) => a - b);
    const subjects = sequences.flatMap((sequence) => this.#stream.get(sequence)?.subject ?? []);
    return subjects.slice(0, MOST_UNSETTLED);
  }

  extend(sequence: number): void {
    this.#unsettled.extend(sequence);
  }

  /** Stops all timers, because no connection is left. */
  stop(): void {
    this.#unsettled.stop();
  }

  /** Collects the messages that are still to be delivered, and registers for new ones. */
  #read(): void {
    this.#fresh = new Fifo<number>();
    for (const sequence of this.#stream.select(this.#definition.filter, this.#position + 1)) this.#fresh.push(sequence);
    this.#stream.addReader(this.#definition.filter, this);
  }

  #dispatch(): void {
    while (this.#takers.length > 0) {
      const taker = this.#takers.peek() as Taker;
      if (!taker.wants()) {
        this.#takers.shift();
        this.#waiting.delete(taker);
        continue;
      }
      const next = this.#next();
      if (!next) return;
      const { message, unsettled } = next;
      unsettled.deliveries++;
      this.#unsettled.putOut(unsettled);
      taker.take(message, unsettled.deliveries);
      if (this.#takers.length > 1) this.#takers.push(this.#takers.shift() as Taker);
      if (this.#network.faults.duplicate?.(message.subject)) this.#unsettled.giveBack(message.sequence, 0);
    }
  }

  #next(): { message: StoredMessage; unsettled: Unsettled } | undefined {
    for (let unsettled = this.#unsettled.takeReturned(); unsettled; unsettled = this.#unsettled.takeReturned()) {
      const message = this.#stream.get(unsettled.sequence);
      if (message) return { message, unsettled };
    }
    if (this.#unsettled.size >= this.#definition.maxAckPending) return undefined;
    for (let sequence = this.#fresh.shift(); sequence !== undefined; sequence = this.#fresh.shift()) {
      this.#position = sequence;
      const message = this.#stream.get(sequence);
      if (message) return { message, unsettled: { sequence, deliveries: 0, deadlineMs: 0 } };
    }
    return undefined;
  }
}
