import { Fifo } from "../../bus/fifo.ts";
import type { StoredMessage } from "../../bus/port.ts";
import type { Subjects } from "../../bus/subjects.ts";
import { sleep } from "../../core/clock.ts";
import { carried, type RunEvent } from "../../core/event.ts";
import type { Json } from "../../core/json.ts";
import type { NewerVersion } from "../../core/upcast.ts";
import type { BlobStore } from "../host/blobs.ts";
import { insist } from "../host/insist.ts";
import type { Runtime } from "../host/runtime.ts";
import { blobsOf, isBlobRef } from "./event-blobs.ts";
import { type ReadEvent, readLogMessage } from "./log-event.ts";

/** The number of look-ups of an object that may be missing, and the pause between them. */
const LOOKS = 3;
const LOOK_AGAIN_MS = 200;

interface RawResult {
  readonly planRef?: unknown;
  readonly outputRef?: string;
  refused?: string;
}

const outputRefsIn = (results: readonly unknown[]): RawResult[] =>
  (results as (RawResult | null)[]).filter(
    (one) => one?.outputRef !== undefined && isBlobRef(one.outputRef),
  ) as RawResult[];

const foldedBlobs = (event: string, body: unknown) => blobsOf(event, body).filter(({ isFolded }) => isFolded);

interface PumpRuntime extends Pick<Runtime, "clock" | "log" | "trouble"> {
  readonly subjects: Subjects;
  readonly blobs: Pick<BlobStore, "getJson" | "has">;
}

/**
 * Feeds the messages of a log to a fold in order, one after another. Plans and carried events that are stored by
 * reference are fetched first. It is synchronous as long as nothing has to be fetched.
 */
export class LogPump {
  readonly #runtime: PumpRuntime;
  readonly #apply: (event: ReadEvent & { read: RunEvent }) => void | Promise<void>;
  readonly #needsCarried: () => boolean;
  readonly #onNewer: (newer: NewerVersion, sequence: number) => void;
  readonly #onThrown: (error: unknown, sequence: number) => void;
  readonly #onUnreadable: ((event: ReadEvent) => void) | undefined;
  readonly #afterwards: (() => void)[] = [];
  readonly #waiting = new Fifo<{ readonly event: ReadEvent; readonly sequence: number }>();
  #draining = false;
  #stopped = false;
  /** The sequence of the last message that was folded or skipped. */
  folded = 0;

  constructor(
    runtime: PumpRuntime,
    /** Applies an event. If it returns a promise, later events wait until that has resolved. */
    apply: (event: ReadEvent & { read: RunEvent }) => void | Promise<void>,
    options: {
      /** Whether a fold may have to begin from carried events, so that these must be fetched. */
      needsCarried: () => boolean;
      /** Called when the log continues in a version that this build cannot read. No more messages are folded. */
      onNewer: (newer: NewerVersion, sequence: number) => void;
      /** Called when the fold has thrown, which it never should. No more messages are folded. */
      onThrown: (error: unknown, sequence: number) => void;
      /** Called for a message that cannot be read and is skipped. */
      onUnreadable?: (event: ReadEvent) => void;
    },
  ) {
    this.#runtime = runtime;
    this.#apply = apply;
    this.#needsCarried = options.needsCarried;
    this.#onNewer = options.onNewer;
    this.#onThrown = options.onThrown;
    this.#onUnreadable = options.onUnreadable;
  }

  push(message: StoredMessage): void {
    const { sequence } = message;
    if (this.#stopped) return;
    const event = readLogMessage(this.#runtime.subjects, message);
    if (event.newer) {
      this.stop();
      return this.#onNewer(event.newer, sequence);
    }
    if (event.problem !== undefined) {
      const what = event.read ? "malformed" : "skipped";
      this.#runtime.log("warn", `log message ${sequence} (${message.subject}) is ${what}: ${event.problem}`);
    }
    if (this.#draining || (event.read && this.#hasToFetch(event.read))) {
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
    if (this.#stopped) return;
    const done = () => {
      this.folded = sequence;
    };
    try {
      if (!event.read) this.#onUnreadable?.(event);
      const applying = event.read && this.#apply(event as ReadEvent & { read: RunEvent });
      return applying ? applying.then(done).catch((error) => this.#fail(error, sequence)) : done();
    } catch (error) {
      this.#fail(error, sequence);
    }
  }

  #fail(error: unknown, sequence: number): void {
    this.stop();
    this.#onThrown(error, sequence);
  }

  async #drain(first?: Promise<void>): Promise<void> {
    this.#draining = true;
    await first;
    for (let next = this.#waiting.shift(); next && !this.#stopped; next = this.#waiting.shift()) {
      const { event, sequence } = next;
      if (event.read) await this.#hydrate(event.read).catch((error) => this.#fail(error, sequence));
      await this.#take(event, sequence);
    }
    this.#draining = false;
    for (const run of this.#afterwards.splice(0)) run();
  }

  #hasToFetch({ kind, body }: RunEvent): boolean {
    switch (kind) {
      case "result":
        // Nearly all results have no reference, so this only checks for one.
        return (body.results as (RawResult | null)[]).some(
          (one) => one?.planRef !== undefined || one?.outputRef !== undefined,
        );
      case "carried":
        return this.#needsCarried();
      default:
        return foldedBlobs(kind, body).length > 0;
    }
  }

  async #hydrate({ kind, body }: RunEvent): Promise<void> {
    for (const { ref, replace } of foldedBlobs(kind, body)) await this.#fetch(ref, replace);
    if (kind === "result") await Promise.all(outputRefsIn(body.results).map((one) => this.#checkOutput(one)));
    if (kind !== "carried" || !this.#needsCarried()) return;
    if (body.eventsRef !== undefined)
      await this.#fetch(body.eventsRef, (events) => {
        body.events = carried.shape.events.safeParse(events).data;
      });
    for (const carried of body.events ?? [])
      for (const { ref, replace } of foldedBlobs(carried.event, carried.body)) await this.#fetch(ref, replace);
  }

  /** Checks that the blob of an output exists, without fetching it. If it does not, the attempt fails. */
  async #checkOutput(one: RawResult): Promise<void> {
    const { blobs, clock } = this.#runtime;
    const ref = one.outputRef!;
    const look = async (): Promise<boolean> => {
      for (let looks = 1; ; looks++) {
        if (await blobs.has(ref)) return true;
        if (looks === LOOKS) return false;
        // A replica may not have received an object that was stored a moment ago.
        await sleep(clock, LOOK_AGAIN_MS);
      }
    };
    const isThere = await this.#insist(ref, look);
    if (isThere === false && !this.#stopped) one.refused = `the output's blob ${ref} is gone, or was never stored`;
  }

  /**
   * Fetches a blob, waiting out errors of the bus. A blob that does not exist leaves its reference, and the fold fails
   * the attempt.
   */
  async #fetch(ref: string, take: (content: Json) => void): Promise<void> {
    const content = await this.#insist(ref, () => this.#runtime.blobs.getJson(ref));
    if (content !== undefined) take(content);
  }

  /** Resolves with undefined when the blob cannot be read at all, or is no longer needed. */
  #insist<T>(ref: string, read: () => Promise<T>): Promise<T | undefined> {
    const wanted = () => !this.#stopped;
    return insist(this.#runtime, read, { work: BLOBS, name: () => `blob ${ref}`, wanted }).catch(() => undefined);
  }
}

const BLOBS = { one: "blob cannot be fetched yet", many: "blobs cannot be fetched yet" };
