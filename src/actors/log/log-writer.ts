import { isBusError } from "../../bus/port.ts";
import { messageOf } from "../../core/error.ts";
import type { EventKind } from "../../core/event.ts";
import { encodeJson } from "../../core/json.ts";
import type { RunAddress } from "../../fold/run-state.ts";
import { InProgress } from "../host/in-progress.ts";
import { insist } from "../host/insist.ts";
import type { Runtime } from "../host/runtime.ts";
import { readEventBody } from "./log-event.ts";
import { shrinkEvent } from "./smaller-event.ts";

/**
 * Appends the events that an owner writes about its runs. Each append is repeated until the event is stored, or
 * `wanted` returns false because it is no longer needed. Repeating is safe: the fold counts the first of a kind and
 * ignores the rest.
 */
export class LogWriter {
  readonly #runtime: Runtime;
  readonly #inProgress = new InProgress();
  readonly #stopping = new AbortController();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /**
   * Resolves when the event is stored or no longer needed.
   *
   * With `onceSince`, the event is written only if the log has none of this kind after that sequence, which is the
   * expected last one. Messages before the sequence `begunAt` belong to an earlier run with the same id.
   */
  write(
    run: RunAddress,
    event: EventKind,
    body: object,
    wanted: () => boolean,
    options: { onceSince?: number; begunAt?: number } = {},
  ): Promise<void> {
    const written = this.#write(run, event, body, wanted, options);
    this.#inProgress.add(written);
    return written;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#inProgress.finished();
  }

  async #write(
    run: RunAddress,
    event: EventKind,
    body: object,
    wanted: () => boolean,
    { onceSince, begunAt = 0 }: { onceSince?: number; begunAt?: number },
  ): Promise<void> {
    const { bus, topology, blobs, log } = this.#runtime;
    const subject = topology.subjects.log(run.tenant, run.shard, run.run, event);
    let fitting = body;
    let data = encodeJson(fitting);
    const since = Math.max(onceSince ?? 0, begunAt);
    let last = onceSince ?? 0;
    const append = async (): Promise<void> => {
      const options = onceSince !== undefined ? { expectLastSubjectSequence: last } : undefined;
      try {
        await bus.append(subject, data, options);
      } catch (error) {
        if (isBusError(error, "too-large")) {
          const smaller = await shrinkEvent(blobs, fitting, error.message);
          if (!smaller) throw error;
          fitting = smaller;
          data = encodeJson(fitting);
          return append();
        }
        if (!isBusError(error, "wrong-sequence")) throw error;
        const stored = await bus.getLastMessage(topology.streams.log.name, subject);
        // A message that is not such an event, or precedes a redrive or the run itself, must not block the event.
        if (stored && stored.sequence > since && isThere(event, stored.data)) return;
        const expected = stored?.sequence ?? 0;
        if (expected === last) throw error;
        last = expected;
        return append();
      }
    };
    const name = () => `${event} of run ${run.run}`;
    try {
      await insist(this.#runtime, append, {
        work: EVENTS,
        name,
        wanted,
        signal: this.#stopping.signal,
        passes: (error) => !isBusError(error, "too-large"),
      });
    } catch (error) {
      log("error", `${name()} cannot be stored: ${messageOf(error)}`);
    }
  }
}

const EVENTS = { one: "event is not in the log yet", many: "events are not in the log yet" };

/** Whether the bytes are such an event. One of a newer build counts. */
function isThere(event: EventKind, data: Uint8Array): boolean {
  try {
    return readEventBody(event, data) !== undefined;
  } catch {
    return true;
  }
}
