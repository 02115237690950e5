import type { Bucket } from "../../bus/port.ts";
import type { Clock } from "../../core/clock.ts";
import { messageOf } from "../../core/error.ts";
import { encodeJson } from "../../core/json.ts";
import type { Logger } from "../../core/logger.ts";

/** Renews one key of an expiring bucket, with a current value each time, until it is stopped. */
export class Presence {
  readonly #bucket: Bucket;
  readonly #key: string;
  readonly #describe: () => unknown;
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #log: Logger;
  #disarm: (() => void) | undefined;
  #writing: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(
    bucket: Bucket,
    key: string,
    describe: () => unknown,
    options: { clock: Clock; ttlMs: number; log: Logger },
  ) {
    this.#bucket = bucket;
    this.#key = key;
    this.#describe = describe;
    this.#clock = options.clock;
    // Two renewals may fail before the key expires.
    this.#everyMs = options.ttlMs / 3;
    this.#log = options.log;
  }

  async start(): Promise<void> {
    await this.#renew();
  }

  /** Removes the key, so that no process has to wait for its expiry. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#disarm?.();
    await this.#writing;
    await this.#bucket.delete(this.#key).catch(() => {});
  }

  async #renew(): Promise<void> {
    if (this.#stopped) return;
    this.#writing = this.#bucket.put(this.#key, encodeJson(this.#describe())).then(
      () => {},
      (error) => this.#log("warn", `presence of ${this.#key} could not be renewed: ${messageOf(error)}`),
    );
    await this.#writing;
    if (!this.#stopped) this.#disarm = this.#clock.timer(this.#everyMs, () => void this.#renew());
  }
}
