import { isBusError } from "../../bus/port.ts";
import { pauseMs, sleep } from "../../core/clock.ts";
import { messageOf } from "../../core/error.ts";
import type { EventKind } from "../../core/event.ts";
import { encodeJson } from "../../core/json.ts";
import type { RunAddress } from "../../fold/run-state.ts";
import type { Runtime } from "../host/runtime.ts";
import { readEventBody } from "./log-event.ts";

/**
 * Appends the events that an owner writes about its runs, and repeats each until it is stored or `wanted` says that
 * it has lost its purpose. Repeating is safe: the fold counts the first of a kind and ignores the rest.
 */
export class LogWriter {
  readonly #runtime: Runtime;
  readonly #underWay = new Set<Promise<void>>();
  #stopped = false;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /**
   * Resolves when the event is stored, or has lost its purpose.
   *
   * `onceSince`: only if the log has none of this kind after that sequence, where its last one is expected. `begunAt`: what
   * stands before this sequence is not of this run, but of one that had its id before.
   */
  write(
    run: RunAddress,
    event: EventKind,
    body: unknown,
    wanted: () => boolean,
    options: { onceSince?: number; begunAt?: number } = {},
  ): Promise<void> {
    const written = this.#write(run, event, body, wanted, options);
    this.#underWay.add(written);
    return written.then(() => void this.#underWay.delete(written));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.allSettled(this.#underWay);
  }

  async #write(
    run: RunAddress,
    event: EventKind,
    body: unknown,
    wanted: () => boolean,
    { onceSince, begunAt = 0 }: { onceSince?: number; begunAt?: number },
  ): Promise<void> {
    const { bus, topology, clock, log } = this.#runtime;
    const subject = topology.subjects.log(run.tenant, run.shard, run.run, event);
    const data = encodeJson(body);
    const since = Math.max(onceSince ?? 0, begunAt);
    let last = onceSince ?? 0;
    for (let tries = 0; !this.#stopped && wanted(); tries++) {
      try {
        await bus.append(subject, data, onceSince !== undefined ? { expectLastSubjectSequence: last } : undefined);
        return;
      } catch (error) {
        if (isBusError(error, "closed")) return;
        if (isBusError(error, "wrong-sequence")) {
          const stored = await bus.getLastMessage(topology.streams.log.name, subject).catch(() => undefined);
          // What is no such event, or came before a redrive or the run itself, must not stand in the way of the real one.
          if (stored && stored.sequence > since && isThere(event, stored.data)) return;
          const expected = stored?.sequence ?? 0;
          const isNews = expected !== last;
          last = expected;
          if (isNews) continue;
        }
        if (tries % 10 === 0) log("warn", `${event} of run ${run.run} is not in the log yet: ${messageOf(error)}`);
        await sleep(clock, pauseMs(tries));
      }
    }
  }
}

/** One of a newer build is there, too. */
function isThere(event: EventKind, data: Uint8Array): boolean {
  try {
    return readEventBody(event, data) !== undefined;
  } catch {
    return true;
  }
}
