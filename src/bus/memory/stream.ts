import type { Clock } from "../../core/clock.ts";
import { BusError, type Headers, type StoredMessage, type StreamDefinition, type StreamState } from "../port.ts";
import { headerBytes } from "../sizes.ts";
import { compileFilter, isSubject } from "../subject-match.ts";
import { SubjectTree } from "../subject-tree.ts";

/** Is notified of every new message that matches its filter. */
export interface Reader {
  offer(sequence: number): void;
}

/** A stored message. The messages of one subject form a linked list, so that each can be removed in constant time. */
interface Stored {
  readonly message: StoredMessage;
  readonly bytes: number;
  older: Stored | undefined;
  newer: Stored | undefined;
}

/** A stream's messages and limits. Ages are checked on access, so no timer is needed. */
export class MemoryStream {
  #definition: StreamDefinition;
  readonly #clock: Clock;
  readonly #messages = new Map<number, Stored>();
  /** The newest message of each subject. */
  readonly #newest = new Map<string, Stored>();
  readonly #readers = new SubjectTree<Reader>();
  #first = 1;
  #last = 0;
  #bytes = 0;

  constructor(definition: StreamDefinition, clock: Clock) {
    this.#definition = definition;
    this.#clock = clock;
  }

  get definition(): StreamDefinition {
    return this.#definition;
  }

  /**
   * Applies a new definition. Tighter limits take effect at once: the oldest messages go, even in a stream that refuses
   * new ones.
   */
  redefine(definition: StreamDefinition): void {
    for (const limit of definition.keep ?? [])
      if (this.#definition[limit] !== undefined) definition = { ...definition, [limit]: this.#definition[limit] };
    this.#definition = definition;
    const { maxMessages = Infinity, maxBytes = Infinity } = definition;
    while (this.#messages.size > maxMessages || this.#bytes > maxBytes) this.remove(this.#oldest());
  }

  get count(): number {
    this.#expire();
    return this.#messages.size;
  }

  get state(): StreamState {
    this.#expire();
    const { maxMessages, maxBytes } = this.#definition;
    return {
      messages: this.#messages.size,
      bytes: this.#bytes,
      ...(maxMessages !== undefined && { maxMessages }),
      ...(maxBytes !== undefined && { maxBytes }),
    };
  }

  /** The sequence of the newest message that was ever stored, even if it has been removed. */
  get last(): number {
    return this.#last;
  }

  /** Stores a message and returns its sequence. Throws `wrong-sequence`, `subject-taken` or `full`. */
  store(subject: string, data: Uint8Array, headers?: Headers, expectLast?: number): number {
    const timestamp = this.#expire();
    const newest = this.#newest.get(subject)?.message.sequence ?? 0;
    if (expectLast !== undefined && expectLast !== newest)
      throw new BusError("wrong-sequence", `The last message of ${subject} has sequence ${newest}, not ${expectLast}.`);
    if (newest > 0 && this.#definition.onePerSubject)
      throw new BusError("subject-taken", `${this.#definition.name} already holds a message of ${subject}.`);
    const bytes = subject.length + data.length + headerBytes(headers);
    this.#makeRoom(bytes);
    const sequence = ++this.#last;
    const message = headers ? { subject, sequence, timestamp, data, headers } : { subject, sequence, timestamp, data };
    this.#insert({ message, bytes, older: undefined, newer: undefined });
    for (const reader of this.#readers.match(subject)) reader.offer(sequence);
    return sequence;
  }

  get(sequence: number): StoredMessage | undefined {
    this.#expire();
    return this.#messages.get(sequence)?.message;
  }

  /** The last stored message that matches. */
  newest(filter: string): StoredMessage | undefined {
    this.#expire();
    if (isSubject(filter)) return this.#newest.get(filter)?.message;
    const matches = compileFilter(filter);
    let found: StoredMessage | undefined;
    for (const [subject, { message }] of this.#newest)
      if (message.sequence > (found?.sequence ?? 0) && matches(subject)) found = message;
    return found;
  }

  subjects(filter: string): string[] {
    this.#expire();
    if (isSubject(filter)) return this.#newest.has(filter) ? [filter] : [];
    return [...this.#newest.keys()].filter(compileFilter(filter));
  }

  /** The sequences of all messages that match, from `fromSequence` on, ascending. */
  select(filter: string, fromSequence: number): number[] {
    const found: number[] = [];
    for (const subject of this.subjects(filter)) {
      let stored: Stored | undefined = this.#newest.get(subject);
      for (; stored && stored.message.sequence >= fromSequence; stored = stored.older)
        found.push(stored.message.sequence);
    }
    return found.sort((a, b) => a - b);
  }

  remove(sequence: number): void {
    const stored = this.#messages.get(sequence);
    if (!stored) return;
    this.#messages.delete(sequence);
    this.#bytes -= stored.bytes;
    const { older, newer } = stored;
    if (older) older.newer = newer;
    if (newer) newer.older = older;
    else if (older) this.#newest.set(older.message.subject, older);
    else this.#newest.delete(stored.message.subject);
  }

  addReader(filter: string, reader: Reader): void {
    this.#readers.add(filter, reader);
  }

  removeReader(filter: string, reader: Reader): void {
    this.#readers.remove(filter, reader);
  }

  #insert(stored: Stored): void {
    const { subject, sequence } = stored.message;
    this.#messages.set(sequence, stored);
    this.#bytes += stored.bytes;
    stored.older = this.#newest.get(subject);
    if (stored.older) stored.older.newer = stored;
    this.#newest.set(subject, stored);
  }

  /** Makes room for a message: throws `full` or drops the oldest messages, as the definition says. */
  #makeRoom(bytes: number): void {
    const { maxMessages = Infinity, maxBytes = Infinity, whenFull = "refuse", name } = this.#definition;
    while (this.#messages.size >= maxMessages || this.#bytes + bytes > maxBytes) {
      if (whenFull === "refuse" || this.#messages.size === 0)
        throw new BusError(
          "full",
          `${name} is full: it holds ${this.#messages.size} messages of ${this.#bytes} bytes.`,
        );
      this.remove(this.#oldest());
    }
  }

  /** Removes messages that are too old. Returns the current time. */
  #expire(): number {
    const now = this.#clock.now();
    const { maxAgeMs } = this.#definition;
    if (maxAgeMs === undefined) return now;
    while (this.#messages.size > 0) {
      const oldest = this.#oldest();
      if ((this.#messages.get(oldest) as Stored).message.timestamp + maxAgeMs > now) break;
      this.remove(oldest);
    }
    return now;
  }

  /** The sequence of the oldest message. Each sequence is skipped once, so the amortised cost is constant. */
  #oldest(): number {
    while (this.#first <= this.#last && !this.#messages.has(this.#first)) this.#first++;
    return this.#first;
  }
}
