import type { StreamState } from "../../bus/port.ts";
import { messageOf } from "../../core/error.ts";
import { formatSize } from "../../core/size.ts";
import type { Runtime } from "../host/runtime.ts";

/** The fraction of a stream that is reserved for accepted work: its results, `due`, `ended` and tasks. */
const RESERVE = 0.2;
/** The age at which the stream's state is read again. A request waits for that only if the stream is nearly full. */
const FRESH_MS = 250;
/** The fraction of the room for new work from which a stream is nearly full. */
const NEARLY_FULL = 0.9;

/** A place in a stream, taken before the message is stored. */
export interface Place {
  /** Reports whether the message was stored. */
  done(isStored: boolean): void;
}

/**
 * Estimates how full a stream is, without reading its state for every message: the last state that was read, plus the
 * messages that this process has sent since. The reserve has room for those that other processes send meanwhile.
 */
export class StreamCapacity {
  readonly #runtime: Pick<Runtime, "bus" | "clock" | "log">;
  readonly #stream: string;
  #state: StreamState | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;
  /** The messages that were sent and not acknowledged. */
  readonly #inFlight = { messages: 0, bytes: 0 };
  /** The messages that were stored since the state was read. */
  readonly #since = { messages: 0, bytes: 0 };

  constructor(runtime: Pick<Runtime, "bus" | "clock" | "log">, stream: string) {
    this.#runtime = runtime;
    this.#stream = stream;
  }

  /** The reason why the stream takes no new work, or undefined while there is room. */
  problem(bytes = 0): string | undefined {
    if (!this.#state) return undefined;
    const { maxMessages, maxBytes } = this.#state;
    const used = this.#used(this.#state);
    const free = `the last ${100 * RESERVE} % are reserved for accepted runs`;
    const which = this.#stream.slice(this.#stream.lastIndexOf("_") + 1);
    const raise = (what: string) => `wait until older runs expire, or raise TUTTI_${which}_MAX_${what}`;
    if (maxMessages !== undefined && used.messages + 1 > allowed(maxMessages))
      return `stream ${this.#stream} holds ${used.messages} of ${maxMessages} messages, and ${free}: ${raise("MESSAGES")}`;
    if (maxBytes !== undefined && used.bytes + bytes > allowed(maxBytes))
      return `stream ${this.#stream} holds ${formatSize(used.bytes)} of ${formatSize(maxBytes)}, and ${free}: ${raise("BYTES")}`;
    return undefined;
  }

  /** Reads the state from the server if the last one is too old. If the server does not answer, the last one stays. */
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
