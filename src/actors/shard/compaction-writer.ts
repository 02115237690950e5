import { isBusError, type StoredMessage } from "../../bus/port.ts";
import { mostBytes } from "../../bus/sizes.ts";
import { lastToken } from "../../bus/subjects.ts";
import { messageOf } from "../../core/error.ts";
import type { Carried, CarriedEvent, EventKind, Submitted } from "../../core/event.ts";
import { decodeJson, encodeJson, type Json } from "../../core/json.ts";
import { type RunState, runKey } from "../../fold/run-state.ts";
import { attemptOf, hasOpenAttempt } from "../../fold/task-record.ts";
import { attemptBlobs } from "../host/attempt-blobs.ts";
import type { Runtime } from "../host/runtime.ts";
import { blobsOf } from "../log/event-blobs.ts";
import { refuseInexact } from "../log/log-event.ts";
import type { Mark, RunPositions } from "../log/replay-positions.ts";
import { eachMessage } from "../log/run-reader.ts";
import type { ShardFold } from "./shard-fold.ts";

/** An unfinished run is carried when what it can be folded from has come to this part of the log's age. */
const CARRIED_AT = 1 / 2;
/** How often it is looked for, in a log's age. */
const LOOKS = 32;
const REFRESHED_AT_ONCE = 16;

/**
 * Keeps unfinished runs from going by age, together with the events, blobs and ids that they need.
 *
 * A run is carried in two messages. The first is a copy of its `submitted`: it keeps the id taken, and marks a place in
 * the log. Then everything that the log has of the run before that place is read, and appended as one `carried`. A fold
 * that begins there takes the events carried, what came between the two messages, and what comes after (see RunReplay).
 */
export class CompactionWriter {
  readonly #runtime: Runtime;
  readonly #fold: ShardFold;
  readonly #maxAgeMs: number;
  #disarm: (() => void) | undefined;
  #looking: Promise<void> | undefined;
  #stopped = false;

  constructor(runtime: Runtime, fold: ShardFold) {
    this.#runtime = runtime;
    this.#fold = fold;
    this.#maxAgeMs = runtime.topology.streams.log.maxAgeMs!;
  }

  /** Looks at once, for the runs may be from a time when nobody was there to carry them, and then now and then. */
  start(): void {
    this.#looking = this.#look().finally(() => {
      this.#looking = undefined;
      if (!this.#stopped) this.#disarm = this.#runtime.clock.timer(this.#maxAgeMs / LOOKS, () => this.start());
    });
  }

  /** Nothing more is appended from this very turn on. */
  suspend(): void {
    this.#stopped = true;
    this.#disarm?.();
  }

  async stop(): Promise<void> {
    this.suspend();
    await this.#looking;
  }

  async #look(): Promise<void> {
    const { clock, log } = this.#runtime;
    const { positions } = this.#fold;
    for (const key of positions.olderThan(clock.now() - CARRIED_AT * this.#maxAgeMs)) {
      const run = this.#fold.find(key);
      const open = run && positions.of(run);
      if (!open || this.#stopped) continue;
      try {
        await this.#carry(run, open);
      } catch (error) {
        if (isBusError(error, "closed")) return;
        log("warn", `run ${run.run} could not be carried yet: ${messageOf(error)}`);
      }
    }
  }

  async #carry(run: RunState, { original, base }: RunPositions): Promise<void> {
    const { bus, topology, blobs } = this.#runtime;
    const subject = (event: EventKind | ">") => topology.subjects.log(run.tenant, run.shard, run.run, event);
    const isWanted = () => !this.#stopped && this.#fold.find(runKey(run.tenant, run.run)) === run;
    const upTo = await this.#copy(run, original, subject("submitted"), isWanted);
    if (upTo === undefined) return;
    const messages: StoredMessage[] = [];
    const keep = (message: StoredMessage) => message.sequence < upTo && messages.push(message);
    await eachMessage(this.#runtime, subject(">"), keep, { fromSequence: base.sequence });
    // The log goes by age from its beginning: where the base is still there, everything after it has been read.
    if (!(await bus.getMessage(topology.streams.log.name, base.sequence)))
      throw new Error(`the log has lost message ${base.sequence}, from which on it was needed`);
    const events = await this.#eventsOf(messages, original, base);
    await this.#refresh(run, events, isWanted);
    const v = Math.max(1, ...events.map(({ body }) => versionOf(body)));
    let data = encodeJson({ v, upTo, events } satisfies Carried);
    if (data.length > mostBytes(bus))
      data = encodeJson({ v, upTo, eventsRef: await blobs.put(encodeJson(events)) } satisfies Carried);
    if (isWanted()) await bus.append(subject("carried"), data);
  }

  /** Returns its sequence. Of two owners who try, one fails: the log has one last `submitted`. */
  async #copy(run: RunState, original: Mark, subject: string, isWanted: () => boolean): Promise<number | undefined> {
    const { bus, topology, blobs } = this.#runtime;
    const last = await bus.getLastMessage(topology.streams.log.name, subject);
    // As it was written, fields that this build does not know included.
    const stored = last && (decodeJson(last.data) as Submitted);
    const body = { ...(stored?.digest === run.submitted.digest ? stored : run.submitted), original };
    const expectLastSubjectSequence = last?.sequence ?? 0;
    let data = encodeJson(body);
    const { input, ...rest } = body;
    // What was stored when the bus took larger messages.
    if (data.length > mostBytes(bus) && input !== undefined)
      data = encodeJson({ ...rest, inputRef: await blobs.put(encodeJson(input)) });
    if (!isWanted()) return undefined;
    return (await bus.append(subject, data, { expectLastSubjectSequence })).sequence;
  }

  /** The events of a run from its first on; what stands before the base has been carried before. */
  async #eventsOf(messages: readonly StoredMessage[], original: Mark, base: Mark): Promise<CarriedEvent[]> {
    const events: CarriedEvent[] = [];
    for (const message of messages) {
      const read = readRaw(message);
      if (read?.event === "result") await this.#refuseLost(read.body);
      if (read?.event === "carried") {
        const { upTo, ...content } = read.body as unknown as Carried;
        if (upTo === base.sequence && events[0]?.sequence !== original.sequence)
          events.unshift(...(content.events ?? (await this.#load(content.eventsRef!))));
      } else if (read && (read.event !== "submitted" || read.sequence === original.sequence)) {
        events.push(read);
      }
    }
    if (events[0]?.sequence === original.sequence) return events;
    throw new Error(`the log has no event ${original.sequence}, carried or not, with which it was begun`);
  }

  /** What a fold has refused because its output was never stored is carried as refused: it is not looked for again. */
  async #refuseLost(body: Json): Promise<void> {
    const { results } = (body ?? {}) as { results?: readonly ({ outputRef?: unknown; refused?: string } | null)[] };
    for (const one of Array.isArray(results) ? results : [])
      if (typeof one?.outputRef === "string" && !(await this.#runtime.blobs.has(one.outputRef)))
        one.refused = `the output's blob ${one.outputRef} was never stored`;
  }

  #load = async (ref: string) => (await this.#runtime.blobs.getJson(ref)) as unknown as CarriedEvent[];

  /** Blobs expire like the log: those that are still needed are stored anew. */
  async #refresh(run: RunState, events: readonly CarriedEvent[], isWanted: () => boolean): Promise<void> {
    const { topology, blobs } = this.#runtime;
    const refs = new Set<string>();
    for (const { event, body } of events)
      for (const { ref, isFolded } of blobsOf(event, body)) if (isFolded) refs.add(ref);
    const { inputRef } = run.submitted;
    if (inputRef !== undefined) refs.add(inputRef);
    // Signals that no task has taken.
    for (const { content } of run.waits?.pending() ?? []) if ("ref" in content) refs.add(content.ref);
    const reply = topology.subjects.reply(run.tenant, run.shard, run.run);
    for (const task of run.tasks.values()) {
      if (task.output && "ref" in task.output) refs.add(task.output.ref);
      if (!hasOpenAttempt(task)) continue;
      const names = attemptBlobs({ reply, task: task.id, attempt: attemptOf(task) });
      refs.add(names.input).add(names.needs).add(names.parts);
    }
    const left = refs.values();
    const refreshAll = async () => {
      for (const ref of left) if (isWanted()) await blobs.refresh(ref);
    };
    await Promise.all(Array.from({ length: REFRESHED_AT_ONCE }, refreshAll));
  }
}

/** Builds that cannot read one of the events must not begin from any. */
const versionOf = (body: unknown): number => {
  const v = (body as { v?: unknown } | null)?.v;
  return typeof v === "number" ? v : 1;
};

function readRaw({ subject, sequence, timestamp, data }: StoredMessage): (CarriedEvent & { body: Json }) | undefined {
  try {
    const event = lastToken(subject);
    const body = decodeJson(data) as Json;
    // What the fold has refused for its text, it must refuse when that text has been written again.
    if (event === "result") refuseInexact((body as { results?: unknown } | null)?.results, data);
    return { event, sequence, at: timestamp, body };
  } catch {
    // No JSON, so no event: a fold passes over it.
    return undefined;
  }
}
