import type { Clock } from "../../core/clock.ts";
import {
  type AppendOptions,
  type BucketDefinition,
  BusError,
  type ConsumerDefinition,
  type Headers,
  type ObjectStoreDefinition,
  type StreamDefinition,
} from "../port.ts";
import { filtersOverlap } from "../subject-match.ts";
import { SubjectTree } from "../subject-tree.ts";
import { MemoryBucket } from "./bucket.ts";
import { anyOverlap, assertFilter, assertName, assertReadable, assertSubject } from "./checks.ts";
import { MemoryConsumer } from "./consumer.ts";
import { Core, type Respond } from "./core.ts";
import type { Faults } from "./faults.ts";
import { Network } from "./network.ts";
import { MemoryObjects } from "./objects.ts";
import { MemoryStream } from "./stream.ts";

/** The state that all connections share: everything that is stored, and all subscriptions. */
export class BrokerState {
  readonly network: Network;
  readonly core: Core;
  /** The largest message that the broker accepts now, in bytes, headers included. */
  maxPayload: number;
  readonly #clock: Clock;
  readonly #streams = new Map<string, MemoryStream>();
  readonly #streamOf = new SubjectTree<MemoryStream>();
  readonly #consumers = new Map<string, Map<string, MemoryConsumer>>();
  readonly #buckets = new Map<string, MemoryBucket>();
  readonly #objects = new Map<string, MemoryObjects>();

  constructor(clock: Clock, faults: Faults, maxPayload: number) {
    this.#clock = clock;
    this.maxPayload = maxPayload;
    this.network = new Network(clock, faults);
    this.core = new Core(clock, faults);
  }

  /** Throws `no-stream`. */
  stream(name: string): MemoryStream {
    const stream = this.#streams.get(name);
    if (!stream) throw new BusError("no-stream", `There is no stream ${name}.`);
    return stream;
  }

  /** The names of the streams that take messages of a subject or filter. */
  findStreams(filter: string): string[] {
    const all = [...this.#streams.values()].map(({ definition }) => definition);
    return all.filter(({ subjects }) => anyOverlap(subjects, [filter])).map(({ name }) => name);
  }

  /** Throws `no-stream`, or `failed` when the stream has no such consumer. */
  consumer(stream: string, name: string): MemoryConsumer {
    this.stream(stream);
    const consumer = this.#consumers.get(stream)?.get(name);
    if (!consumer) throw new BusError("failed", `Stream ${stream} has no consumer ${name}.`);
    return consumer;
  }

  /**
   * Sends a message to its subscribers and into the stream that takes its subject. Returns false when there are
   * neither.
   */
  publish(subject: string, data: Uint8Array, headers?: Headers, respond?: Respond): boolean {
    const hasSubscribers = this.core.publish(subject, data, headers, respond);
    const stream = this.#streamOf.first(subject);
    if (!stream) return hasSubscribers;
    const acknowledgement = this.#acknowledge(stream, subject, data, headers);
    respond?.(Buffer.from(acknowledgement));
    return true;
  }

  /** Stores a message. Throws as `Bus.append` rejects. */
  append(subject: string, data: Uint8Array, options?: AppendOptions): number {
    assertSubject(subject);
    const stream = this.#streamOf.first(subject);
    if (!stream) throw new BusError("no-stream", `No stream takes ${subject}.`);
    this.core.publish(subject, data, options?.headers);
    return stream.store(subject, data, options?.headers, options?.expectLastSubjectSequence);
  }

  listUnsettled(streamName: string, consumer: string): string[] {
    return this.#consumers.get(streamName)?.get(consumer)?.unsettledSubjects() ?? [];
  }

  removeSubject(streamName: string, subject: string): number {
    assertSubject(subject);
    const stream = this.stream(streamName);
    const sequences = stream.select(subject, 1);
    for (const sequence of sequences) stream.remove(sequence);
    for (const consumer of this.#consumers.get(streamName)?.values() ?? []) consumer.forget(sequences);
    return sequences.length;
  }

  ensureStream(definition: StreamDefinition): void {
    const { name, subjects, retention } = definition;
    assertName(name);
    for (const subject of subjects) assertFilter(subject);
    if (definition.onePerSubject && definition.whenFull === "drop-oldest")
      throw new BusError(
        "failed",
        `Stream ${name}: onePerSubject refuses new messages, so whenFull cannot be drop-oldest.`,
      );
    for (const other of this.#streams.values())
      if (other.definition.name !== name && anyOverlap(subjects, other.definition.subjects))
        throw new BusError("failed", `The subjects of stream ${name} overlap with those of ${other.definition.name}.`);
    const existing = this.#streams.get(name);
    if (existing && existing.definition.retention !== retention)
      throw new BusError(
        "failed",
        `Stream ${name} has retention ${existing.definition.retention}; it cannot be changed.`,
      );
    const stream = existing ?? new MemoryStream(definition, this.#clock);
    for (const subject of existing?.definition.subjects ?? []) this.#streamOf.remove(subject, stream);
    for (const subject of subjects) this.#streamOf.add(subject, stream);
    stream.redefine(definition);
    this.#streams.set(name, stream);
  }

  ensureConsumer(definition: ConsumerDefinition): void {
    const stream = this.stream(definition.stream);
    assertName(definition.name);
    assertReadable(definition.filter, stream.definition);
    const consumers = this.#consumers.get(definition.stream) ?? new Map<string, MemoryConsumer>();
    this.#consumers.set(definition.stream, consumers);
    const existing = consumers.get(definition.name);
    if (stream.definition.retention === "work-queue")
      for (const { definition: other } of consumers.values())
        if (other.name !== definition.name && filtersOverlap(other.filter, definition.filter))
          throw new BusError(
            "failed",
            `The filter of consumer ${definition.name} overlaps with that of ${other.name}.`,
          );
    if (existing) existing.redefine(definition);
    else consumers.set(definition.name, new MemoryConsumer(definition, stream, this.network));
  }

  bucket(definition: BucketDefinition): MemoryBucket {
    const bucket = this.#buckets.get(definition.name) ?? new MemoryBucket(definition, this.#clock);
    bucket.definition = definition;
    this.#buckets.set(definition.name, bucket);
    return bucket;
  }

  objects(definition: ObjectStoreDefinition): MemoryObjects {
    const objects = this.#objects.get(definition.name) ?? new MemoryObjects(definition, this.#clock);
    objects.definition = definition;
    this.#objects.set(definition.name, objects);
    return objects;
  }

  /** Stops all timers. Stored messages stay. */
  stop(): void {
    for (const consumers of this.#consumers.values()) for (const consumer of consumers.values()) consumer.stop();
  }

  /** Stores a published message and returns the answer that a JetStream server would give. */
  #acknowledge(stream: MemoryStream, subject: string, data: Uint8Array, headers?: Headers): string {
    const { name } = stream.definition;
    try {
      return `{"stream":"${name}", "seq":${stream.store(subject, data, headers)}}`;
    } catch (error) {
      if (!(error instanceof BusError)) throw error;
      return JSON.stringify({ error: { code: 400, description: error.message }, stream: name, seq: 0 });
    }
  }
}
