import type { StreamState } from "../../bus/port.ts";
import { messageOf } from "../../core/error.ts";
import { formatSize } from "../../core/size.ts";
import type { Runtime } from "../host/runtime.ts";

/** This part of a stream is kept for the work that was accepted: its results, `due`, `ended`, its tasks. */
const RESERVE = 0.2;
/** Age of the stream's state at which it is asked for again. A request waits for the answer only when the stream is nearly full. */
const FRESH_MS = 250;
const NEARLY_FULL = 0.9;

/** A place in a stream, taken before the message is stored. */
export interface Place {
  /** The message is stored, or will not be. */
  done(isStored: boolean): void;
}

/**
 * Knows how full a stream is, without asking for every message: what was asked last, and what we have sent since. What
 * others send in between is not seen; the reserve has room for it.
 */
export class StreamCapacity {
  readonly #runtime: Pick<Runtime, "bus" | "clock" | "log">;
  readonly #stream: string;
  #state: StreamState | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;
  /** Sent and not answered; stored since the state was asked for. */
  readonly #inFlight = { messages: 0, bytes: 0 };
  readonly #since = { messages: 0, bytes: 0 };

  constructor(runtime: Pick<Runtime, "bus" | "clock" | "log">, stream: string) {
    this.#runtime = runtime;
    this.#stream = stream;
  }

  /** The reason why the stream takes nothing new, as far as is known; undefined while there is room. */
  problem(bytes = 0): string | undefined {
    if (!this.#state) return undefined;
    const { maxMessages, maxBytes } = this.#state;
    const used = this.#used(this.#state);
    const free = `the last ${100 * RESERVE} % are kept for runs that were accepted`;
    const which = this.#stream.slice(this.#stream.lastIndexOf("_") + 1);
    const raise = (what: string) => `wait until older runs expire, or raise TUTTI_${which}_MAX_${what}`;
    if (maxMessages !== undefined && used.messages + 1 > allowed(maxMessages))
      return `stream ${this.#stream} holds ${used.messages} of ${maxMessages} messages, and ${free}: ${raise("MESSAGES")}`;
    if (maxBytes !== undefined && used.bytes + bytes > allowed(maxBytes))
      return `stream ${this.#stream} holds ${formatSize(used.bytes)} of ${formatSize(maxBytes)}, and ${free}: ${raise("BYTES")}`;
    return undefined;
  }

  /** Asks the server, if that was long ago. A server that does not answer leaves what was known. */
  async refresh(): Promise<void> {
    if (this.#runtime.clock.monotonic() - this.#askedAt < FRESH_MS) return;
    this.#asking ??= this.#ask().finally(() => (this.#asking = undefined));
    if (!this.#state || this.#isNearlyFull(this.#state)) await this.#asking;
  }

  take(bytes: number): Place {
    this.#inFlight.messages++;
    this.#inFlight.bytes += bytes;
    return {
      done: (isStored) => {
        this.#inFlight.messages--;
        this.#inFlight.bytes -= bytes;
        if (!isStored) return;
        this.#since.messages++;
        this.#since.bytes += bytes;
      },
    };
  }

  #used({ messages, bytes }: StreamState): { messages: number; bytes: number } {
    return {
      messages: messages + this.#inFlight.messages + this.#since.messages,
      bytes: bytes + this.#inFlight.bytes + this.#since.bytes,
    };
  }

  #isNearlyFull(state: StreamState): boolean {
    const { messages, bytes } = this.#used(state);
    const { maxMessages = Number.POSITIVE_INFINITY, maxBytes = Number.POSITIVE_INFINITY } = state;
    return messages > NEARLY_FULL * allowed(maxMessages) || bytes > NEARLY_FULL * allowed(maxBytes);
  }

  async #ask(): Promise<void> {
    const { bus, clock, log } = this.#runtime;
    const { messages, bytes } = this.#since;
    try {
      this.#state = await bus.streamState(this.#stream);
      this.#since.messages -= messages;
      this.#since.bytes -= bytes;
    } catch (error) {
      log("debug", `the state of ${this.#stream} could not be read: ${messageOf(error)}`);
    }
    this.#askedAt = clock.monotonic();
  }
}

const allowed = (limit: number): number => Math.floor((1 - RESERVE) * limit);
