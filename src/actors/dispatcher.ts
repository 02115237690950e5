import { isBusError, isPassing } from "../bus/port.ts";
import type { TaskAddress } from "../bus/subjects.ts";
import { sleep } from "../core/clock.ts";
import { messageOf, type TaskError, TerminalError } from "../core/error.ts";
import { encodeJson, type Json } from "../core/json.ts";
import { resolveInput } from "../core/reference.ts";
import type { TaskMessage } from "../core/task-message.ts";
import { outputOf, refsOf } from "../fold/outputs.ts";
import { attemptOf, stateOf, type TaskRecord } from "../fold/task-record.ts";
import { INLINE_LIMIT } from "./blobs.ts";
import type { Host } from "./host.ts";

/** Publishes under way at once; the rest waits as records, not as encoded messages. */
const WINDOW = 2000;
const RECHECK_MS = 100;
/** Tasks whose inputs are being fetched from the object store at once: each may be large. */
const MOST_PREPARING = 16;

export interface DispatchSeams {
  /** Whether a ready task may go on the queue now. Limits and rates will live here. */
  admit(task: TaskRecord): boolean;
  /** Of our claim to the shard: workers tell by it what a former owner sent too late. */
  epochOf(shard: number): number;
  /** The `traceparent` of the task's span, when tracing is on. */
  traceparentOf(task: TaskRecord): string | undefined;
  /** Resolves when everything that stood in the task's log at the time of the call has been folded. */
  caughtUp(task: TaskRecord): Promise<void>;
  /** The attempt cannot be dispatched: append this as its result. */
  fail(task: TaskRecord, attempt: number, error: TaskError): void;
}

export function addressOf(task: TaskRecord): TaskAddress {
  const { run, spec } = task;
  return {
    type: spec.type,
    priority: spec.priority ?? run.priority,
    shard: run.shard,
    tenant: run.tenant,
    run: run.run,
    task: task.id,
    attempt: attemptOf(task),
  };
}

/** A publish under way. */
interface Sending {
  /** False once its task was removed: its attempt is closed, or its shard is another's. */
  wanted: boolean;
  done: Promise<void>;
}

/**
 * Puts ready attempts on the queue. Idempotent: the queue keeps one message a subject, and the subject is unique to
 * the attempt, so "taken" means "done".
 */
export class Dispatcher {
  readonly #host: Host;
  readonly #seams: DispatchSeams;
  readonly #ready = new Set<TaskRecord>();
  readonly #inFlight = new Map<TaskRecord, Sending>();
  #scheduled = false;
  #stopped = false;
  #disarm: (() => void) | undefined;
  #preparing = 0;

  constructor(host: Host, seams: DispatchSeams) {
    this.#host = host;
    this.#seams = seams;
  }

  add(task: TaskRecord): void {
    this.#ready.add(task);
    this.#schedule();
  }

  /** Forgets a task whose attempt is closed, or whose shard is another's. What is being published is not repeated. */
  remove(task: TaskRecord): void {
    this.#ready.delete(task);
    const sending = this.#inFlight.get(task);
    if (sending) sending.wanted = false;
  }

  /** Whether it waits here for its publish, or for the answer to that. */
  has(task: TaskRecord): boolean {
    return this.#ready.has(task) || this.#inFlight.has(task);
  }

  /** Resolves when a publish of this task, if one is under way, has been answered. */
  async settled(task: TaskRecord): Promise<void> {
    await this.#inFlight.get(task)?.done;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#disarm?.();
    this.#ready.clear();
    await Promise.allSettled([...this.#inFlight.values()].map(({ done }) => done));
  }

  #schedule(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    this.#host.clock.endOfTurn(() => {
      this.#scheduled = false;
      this.#pump();
    });
  }

  /** For what was not admitted: nothing tells when it will be. */
  #scheduleLater(): void {
    this.#disarm ??= this.#host.clock.timer(RECHECK_MS, () => {
      this.#disarm = undefined;
      this.#schedule();
    });
  }

  #pump(): void {
    for (const task of this.#ready) {
      if (this.#stopped || this.#inFlight.size >= WINDOW) return;
      if (!this.#seams.admit(task)) {
        this.#scheduleLater();
        continue;
      }
      if (!this.#isSimple(task) && this.#preparing >= MOST_PREPARING) continue;
      this.#ready.delete(task);
      const sending: Sending = { wanted: true, done: Promise.resolve() };
      // The publish of the attempt before, which is closed, may not have been answered yet.
      const before = this.#inFlight.get(task)?.done;
      sending.done = Promise.all([before, this.#send(task, attemptOf(task), sending)]).then(() => {
        if (this.#inFlight.get(task) === sending) this.#inFlight.delete(task);
        if (this.#ready.size > 0) this.#schedule();
      });
      this.#inFlight.set(task, sending);
    }
  }

  async #send(task: TaskRecord, attempt: number, sending: Sending): Promise<void> {
    const open = () =>
      sending.wanted && !this.#stopped && stateOf(task) === "dispatched" && attemptOf(task) === attempt;
    const { bus, topology, clock, log } = this.#host;
    const subject = topology.subjects.task(addressOf(task));
    for (let tries = 0; open(); tries++) {
      try {
        // What waits for a fetch must not make the others wait, nor cost them a turn.
        const data = await (this.#isSimple(task) ? this.#encode(task) : this.#prepare(task));
        if (!open()) return;
        // The lease may have run out since.
        if (!this.#seams.admit(task)) return this.add(task);
        const traceparent = this.#seams.traceparentOf(task);
        await bus.append(subject, data, traceparent === undefined ? undefined : { headers: { traceparent } });
        return;
      } catch (error) {
        if (isBusError(error, "subject-taken", "closed")) return;
        // What does not pass would fail for ever: the task says so instead of waiting.
        if (!isPassing(error)) return this.#seams.fail(task, attempt, { kind: "terminal", message: messageOf(error) });
        if (tries % 10 === 0)
          log("warn", `task ${task.id} of run ${task.run.run} is not on the queue yet: ${messageOf(error)}`);
        await sleep(clock, Math.min(100 * 2 ** tries, 5000));
        if (isBusError(error, "unconfirmed") && (await this.#isQueued(subject, task, open))) return;
      }
    }
  }

  /**
   * Whether a publish that was not confirmed has been stored, and waits or is being worked on. As at a takeover, the
   * queue is asked before the log: when it is over by now, its result has been folded once this resolves.
   */
  async #isQueued(subject: string, task: TaskRecord, open: () => boolean): Promise<boolean> {
    const { bus, topology, clock } = this.#host;
    while (open()) {
      try {
        const queued = await bus.listSubjects(topology.streams.tasks.name, subject);
        if (queued.length > 0) return true;
        await this.#seams.caughtUp(task);
        break;
      } catch {
        await sleep(clock, RECHECK_MS);
      }
    }
    return false;
  }

  #isSimple(task: TaskRecord): boolean {
    if (!this.#host.types.peek(task.spec.type)) return false;
    for (const need of task.needs) for (const _ of refsOf(need)) return false;
    return true;
  }

  #body(task: TaskRecord, load: (ref: string) => Json): TaskMessage {
    const { run, spec } = task;
    const sibling = (key: string) => outputOf(task.parent!.children!.byKey.get(key)!, load);
    const { input = {} } = spec;
    const named = spec.needs?.length ? Object.fromEntries(spec.needs.map((key) => [key, sibling(key)])) : undefined;
    const { inputRef } = run.submitted;
    const isStoredRoot = !task.parent && inputRef !== undefined;
    return {
      v: 1,
      run: run.run,
      task: task.id,
      attempt: attemptOf(task),
      epoch: this.#seams.epochOf(run.shard),
      type: spec.type,
      // A request's input is data, whatever it looks like; only plans refer.
      ...(isStoredRoot ? { inputRef } : { input: task.parent ? resolveInput(input, sibling) : input }),
      ...(named && { needs: named }),
      ...(spec.timeout !== undefined && { timeoutMs: spec.timeout }),
      ...(run.deadline !== undefined && { deadline: run.deadline }),
      reply: this.#host.topology.subjects.reply(run.tenant, run.shard, run.run),
    };
  }

  #encode(task: TaskRecord): Uint8Array | Promise<Uint8Array> {
    return this.#fit(this.#body(task, NOTHING_TO_LOAD));
  }

  /** For a type not seen yet, or outputs kept in blobs. */
  async #prepare(task: TaskRecord): Promise<Uint8Array> {
    this.#preparing++;
    try {
      return await this.#fetchAndEncode(task);
    } finally {
      this.#preparing--;
    }
  }

  async #fetchAndEncode(task: TaskRecord): Promise<Uint8Array> {
    const { types, blobs } = this.#host;
    const { type } = task.spec;
    if (!(await types.find(type))) throw new TerminalError(`no worker ever registered the task type ${type}`);
    return this.#fit(this.#body(task, await blobs.loadAll(task.needs.flatMap((need) => [...refsOf(need)]))));
  }

  #fit(body: TaskMessage): Uint8Array | Promise<Uint8Array> {
    const data = encodeJson(body);
    return data.length <= INLINE_LIMIT ? data : this.#moveOut(body);
  }

  async #moveOut({ input, needs, ...body }: TaskMessage): Promise<Uint8Array> {
    const { blobs } = this.#host;
    return encodeJson({
      ...body,
      ...(input !== undefined && { inputRef: await blobs.putJson(input) }),
      ...(needs && { needsRef: await blobs.putJson(needs) }),
    });
  }
}

const NOTHING_TO_LOAD = (ref: string): never => {
  throw new TerminalError(`blob ${ref} was not fetched`);
};
