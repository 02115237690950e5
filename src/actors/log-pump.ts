import { Fifo } from "../bus/fifo.ts";
import { isPassing, type StoredMessage } from "../bus/port.ts";
import type { Subjects } from "../bus/subjects.ts";
import { type Clock, sleep } from "../core/clock.ts";
import { messageOf } from "../core/error.ts";
import { blobRef, type RunEvent } from "../core/event.ts";
import type { Logger } from "../core/logger.ts";
import type { BlobStore } from "./blobs.ts";
import { type ReadEvent, readLogMessage } from "./log-event.ts";

interface RawResult {
  planRef?: string;
  plan?: unknown;
}

const planRefsIn = (event: RunEvent): RawResult[] =>
  event.kind === "result"
    ? (event.body.results as RawResult[]).filter((one) => one?.planRef !== undefined && isBlobRef(one.planRef))
    : [];
const isBlobRef = (value: unknown): boolean => blobRef.safeParse(value).success;

/**
 * Brings the messages of a log to a fold: in order, one after another, plans that travel by reference fetched first.
 * Synchronous as long as nothing has to be fetched.
 */
export class LogPump {
  readonly #subjects: Subjects;
  readonly #blobs: BlobStore;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #apply: (event: ReadEvent & { read: RunEvent }) => void | Promise<void>;
  readonly #afterwards: (() => void)[] = [];
  readonly #waiting = new Fifo<{ readonly event: ReadEvent; readonly sequence: number }>();
  #draining = false;
  #stopped = false;
  /** Sequence of the last message that has been folded or passed over. */
  folded = 0;

  constructor(
    host: { subjects: Subjects; blobs: BlobStore; clock: Clock; log: Logger },
    /** What comes after an event for which it returns a promise waits until that has resolved. */
    apply: (event: ReadEvent & { read: RunEvent }) => void | Promise<void>,
  ) {
    this.#subjects = host.subjects;
    this.#blobs = host.blobs;
    this.#clock = host.clock;
    this.#log = host.log;
    this.#apply = apply;
  }

  push(message: StoredMessage): void {
    const { sequence } = message;
    const event = readLogMessage(this.#subjects, message);
    if (event.problem !== undefined) {
      const what = event.read ? "malformed" : "passed over";
      this.#log("warn", `log message ${sequence} (${message.subject}) is ${what}: ${event.problem}`);
    }
    if (this.#draining || (event.read && planRefsIn(event.read).length > 0)) {
      this.#waiting.push({ event, sequence });
      if (!this.#draining) void this.#drain();
    } else {
      const applying = this.#take(event, sequence);
      if (applying) void this.#drain(applying);
    }
  }

  /** Calls `run` once everything pushed so far has been folded. */
  whenDrained(run: () => void): void {
    if (this.#draining) this.#afterwards.push(run);
    else run();
  }

  stop(): void {
    this.#stopped = true;
  }

  #take(event: ReadEvent, sequence: number): void | Promise<void> {
    const applying = event.read && !this.#stopped ? this.#apply(event as ReadEvent & { read: RunEvent }) : undefined;
    const done = () => {
      this.folded = sequence;
    };
    return applying ? applying.then(done) : done();
  }

  async #drain(first?: Promise<void>): Promise<void> {
    this.#draining = true;
    await first;
    for (let next = this.#waiting.shift(); next && !this.#stopped; next = this.#waiting.shift()) {
      const { event, sequence } = next;
      for (const one of event.read ? planRefsIn(event.read) : []) await this.#hydrate(one);
      await this.#take(event, sequence);
    }
    this.#draining = false;
    for (const run of this.#afterwards.splice(0)) run();
  }

  /** A blob that is gone leaves its reference, which the fold takes for a failure; trouble with the bus is waited out. */
  async #hydrate(one: RawResult): Promise<void> {
    const ref = one.planRef!;
    while (!this.#stopped) {
      try {
        one.plan = await this.#blobs.getJson(ref);
        delete one.planRef;
        return;
      } catch (error) {
        if (!isPassing(error)) return;
        this.#log("warn", `plan ${ref} cannot be fetched yet: ${messageOf(error)}`);
        await sleep(this.#clock, 500);
      }
    }
  }
}
