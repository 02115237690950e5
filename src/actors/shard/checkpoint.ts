import { type Bucket, isBusError, type Stoppable } from "../../bus/port.ts";
import { messageOf } from "../../core/error.ts";
import { encodeJson } from "../../core/json.ts";
import { checkpoint, type StoredCheckpoint } from "../../core/settings.ts";
import { parseBy } from "../host/bucket-entry.ts";
import type { Runtime } from "../host/runtime.ts";
import type { Mark, ReplayPositions } from "../log/replay-positions.ts";

/** A checkpoint is no older than this, in a shard where something happens. */
const EVERY_MS = 10_000;

type CheckpointHost = Pick<Runtime, "bus" | "topology" | "clock" | "log">;

/**
 * A hint to begin a replay later than at the beginning of the log. The log stays the only truth: a checkpoint says no
 * more than that all runs begun before it have ended, which stays true whoever wrote it and whenever. One that is
 * missing, cannot be read, or names no message of this log, means the beginning.
 */
export class Checkpoint implements Stoppable {
  readonly #runtime: CheckpointHost;
  readonly #key: string;
  readonly #marks: ReplayPositions;
  #bucket: Bucket | undefined;
  #revision = 0;
  #stored = 0;
  #disarm: (() => void) | undefined;
  #writing: Promise<void> | undefined;
  #stopped = false;

  constructor(runtime: CheckpointHost, shard: number, marks: ReplayPositions) {
    this.#runtime = runtime;
    this.#key = `checkpoint-${shard}`;
    this.#marks = marks;
  }

  /** The sequence that a replay begins at. Rejects when the bus does not answer. */
  async read(): Promise<number> {
    const { bus, topology, log } = this.#runtime;
    this.#bucket = await bus.bucket(topology.buckets.config);
    const stored = await this.#load();
    if (!stored) return 1;
    const message = await bus.getMessage(topology.streams.log.name, stored.sequence);
    if (message?.timestamp === stored.at) return stored.sequence;
    // Either all before it has gone by age, or the log is another one: then the next checkpoint may be an earlier one.
    log("debug", `${this.#key}: the log has no message ${stored.sequence} of ${stored.at} any more`);
    this.#stored = 0;
    return 1;
  }

  /** Something was read: a checkpoint follows within {@link EVERY_MS}. Cheap, for it is called for every message. */
  touch(): void {
    if (this.#stopped) return;
    this.#disarm ??= this.#runtime.clock.timer(EVERY_MS, () => {
      this.#disarm = undefined;
      this.#writing ??= this.write().finally(() => {
        this.#writing = undefined;
      });
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#disarm?.();
    await this.#writing;
  }

  /** Moves it to where the log is needed from now on. Never fails: without it, a replay is longer. */
  async write(): Promise<void> {
    const { sequence, at } = this.#marks.oldestNeeded();
    if (sequence <= this.#stored) return;
    const value = encodeJson({ v: 1, sequence, at } satisfies StoredCheckpoint);
    try {
      this.#revision =
        this.#revision === 0
          ? await this.#bucket!.create(this.#key, value)
          : await this.#bucket!.update(this.#key, value, this.#revision);
      this.#stored = sequence;
    } catch (error) {
      // Somebody else has written it: the next of ours moves it only if it is further.
      if (isBusError(error, "wrong-sequence")) await this.#load().catch(() => {});
      else this.#runtime.log("debug", `${this.#key} could not be written: ${messageOf(error)}`);
    }
  }

  async #load(): Promise<Mark | undefined> {
    const entry = await this.#bucket!.get(this.#key);
    this.#revision = entry?.revision ?? 0;
    this.#stored = 0;
    try {
      if (!entry) return undefined;
      const { sequence, at } = parseBy(checkpoint)(entry.value, this.#key);
      this.#stored = sequence;
      return { sequence, at };
    } catch (error) {
      this.#runtime.log("warn", `${this.#key} cannot be read, so the whole log is: ${messageOf(error)}`);
      return undefined;
    }
  }
}
