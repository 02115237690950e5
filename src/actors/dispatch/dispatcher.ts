import { isBusError, isPassing } from "../../bus/port.ts";
import type { TaskAddress } from "../../bus/subjects.ts";
import { cutMessage, messageOf, type TaskError } from "../../core/error.ts";
import type { Priority } from "../../core/names.ts";
import { LOST_HEADER } from "../../core/task-message.ts";
import { attemptOf, isOpen, type TaskRecord } from "../../fold/task-record.ts";
import { insist } from "../host/insist.ts";
import type { Runtime } from "../host/runtime.ts";
import { TaskEncoder } from "./task-encoder.ts";

/** The number of publishes in flight; the other tasks wait as records, not as encoded messages. */
const WINDOW = 2000;
const RECHECK_MS = 100;

export interface DispatchDependencies {
  /** Whether ready tasks may go on the queue now: our lease holds. Asked once a turn, and again before what had to wait. Limits come before, at the gate. */
  holds(): boolean;
  /** The epoch of the claim to the shard: by it workers recognise what a former owner sent too late. */
  epochOf(shard: number): number;
  /** The `traceparent` of the task's span, when tracing is on. */
  traceparentOf(task: TaskRecord): string | undefined;
  /** Resolves when everything that stood in the task's log at the time of the call has been folded. */
  caughtUp(task: TaskRecord): Promise<void>;
  /** The attempt cannot be dispatched: append this as its result. */
  fail(task: TaskRecord, attempt: number, error: TaskError): void;
}

export const priorityOf = ({ run, spec }: TaskRecord): Priority => spec.priority ?? run.priority;

export function addressOf(task: TaskRecord, attempt = attemptOf(task)): TaskAddress {
  const { run, spec } = task;
  return {
    type: spec.type,
    priority: priorityOf(task),
    shard: run.shard,
    tenant: run.tenant,
    run: run.run,
    task: task.id,
    attempt,
  };
}

/** A publish in progress. */
interface Sending {
  readonly task: TaskRecord;
  readonly attempt: number;
  readonly subject: string;
  /** False once its task was removed: its attempt is closed, or its shard is another's. */
  wanted: boolean;
  done: Promise<void>;
}

/**
 * Puts ready attempts on the queue. Idempotent: the queue keeps one message a subject, and the subject is unique to
 * the attempt, so "taken" means "done".
 */
export class Dispatcher {
  readonly #runtime: Runtime;
  readonly #dependencies: DispatchDependencies;
  readonly #encoder: TaskEncoder;
  readonly #ready = new Set<TaskRecord>();
  readonly #inFlight = new Map<TaskRecord, Sending>();
  #scheduled = false;
  #stopped = false;
  #disarm: (() => void) | undefined;

  constructor(runtime: Runtime, dependencies: DispatchDependencies) {
    this.#runtime = runtime;
    this.#dependencies = dependencies;
    this.#encoder = new TaskEncoder(runtime, dependencies.epochOf);
  }

  add(task: TaskRecord): void {
    this.#ready.add(task);
    this.#schedule();
  }

  /** Forgets a task whose attempt is closed, or whose shard has another owner. What is being published is not repeated. */
  remove(task: TaskRecord): void {
    this.#ready.delete(task);
    const sending = this.#inFlight.get(task);
    if (sending) sending.wanted = false;
  }

  /** Whether it waits here for its publish, or for the answer to that. */
  has(task: TaskRecord): boolean {
    return this.#ready.has(task) || this.#inFlight.has(task);
  }

  /** Resolves when a publish of this task, if one is in progress, has been answered. */
  async answered(task: TaskRecord): Promise<void> {
    await this.#inFlight.get(task)?.done;
  }

  /** The message of its present attempt, whether that is on the queue or over. Rejects when a blob that it needs is gone. */
  envelopeOf = (task: TaskRecord, most?: number): Promise<Uint8Array> => this.#encoder.recall(task, most);

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#disarm?.();
    this.#ready.clear();
    await Promise.allSettled([...this.#inFlight.values()].map(({ done }) => done));
  }

  #schedule(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    this.#runtime.clock.endOfTurn(() => {
      this.#scheduled = false;
      this.#pump();
    });
  }

  /** Looks again later, while the lease does not hold: no event says when it does. */
  #scheduleLater(): void {
    this.#disarm ??= this.#runtime.clock.timer(RECHECK_MS, () => {
      this.#disarm = undefined;
      this.#schedule();
    });
  }

  #pump(): void {
    if (this.#stopped || this.#ready.size === 0) return;
    if (!this.#dependencies.holds()) return this.#scheduleLater();
    for (const task of this.#ready) {
      if (this.#inFlight.size >= WINDOW) return;
      if (this.#encoder.isBusy && !this.#isSimple(task)) continue;
      this.#ready.delete(task);
      this.#send(task);
    }
  }

  #send(task: TaskRecord): void {
    const sending: Sending = {
      task,
      attempt: attemptOf(task),
      subject: this.#runtime.topology.subjects.task(addressOf(task)),
      wanted: true,
      done: NOTHING,
    };
    // The publish of the attempt before, which is closed, may not have been answered yet.
    const before = this.#inFlight.get(task);
    this.#inFlight.set(task, sending);
    if (before) sending.done = before.done.then(() => this.#sendPatiently(sending));
    else if (this.#isSimple(task)) sending.done = this.#sendAtOnce(sending);
    else sending.done = this.#sendPatiently(sending);
  }

  /** Whether workers take from its queue, and nothing has to be fetched for its message. */
  #isSimple(task: TaskRecord): boolean {
    return this.#runtime.queues.has(task.spec.type, priorityOf(task)) && this.#encoder.isSimple(task);
  }

  /** The way of nearly all tasks: no step of it waits but for the acknowledgement. */
  #sendAtOnce(sending: Sending): Promise<void> {
    try {
      const data = this.#encoder.encode(sending.task);
      if (data instanceof Promise) return this.#sendPatiently(sending, undefined, data);
      return this.#append(sending, data).then(
        () => this.#finish(sending),
        (error) => this.#sendPatiently(sending, error),
      );
    } catch (error) {
      return this.#sendPatiently(sending, error);
    }
  }

  /**
   * The way of what has to be fetched first, and of what did not go through at once. `failure`: of a first try;
   * `encoding`: the message, already begun.
   */
  async #sendPatiently(sending: Sending, failure?: unknown, encoding?: Promise<Uint8Array>): Promise<void> {
    const { task, attempt } = sending;
    let begun = encoding;
    let isDoubtful = isBusError(failure, "unconfirmed");
    const send = async () => {
      if (isDoubtful && (await this.#isQueued(sending))) return;
      isDoubtful = false;
      const data = await (begun ?? this.#encoder.prepare(task));
      begun = undefined;
      await this.#runtime.queues.add(task.spec.type, priorityOf(task));
      if (!this.#isOpen(sending)) return;
      // The lease may have run out since.
      if (!this.#dependencies.holds()) return this.add(task);
      await this.#append(sending, data).catch((error) => {
        isDoubtful = isBusError(error, "unconfirmed");
        throw error;
      });
    };
    try {
      await insist(this.#runtime, send, {
        work: TASKS,
        name: () => `task ${task.id} of run ${task.run.run}`,
        wanted: () => this.#isOpen(sending),
        // Until it is known whether it was stored, nothing that fails is final.
        passes: (error) => isDoubtful || isPassing(error),
        failure,
      });
    } catch (error) {
      // What does not pass would fail for ever: the task says so instead of waiting.
      if (!isBusError(error, "subject-taken") && this.#isOpen(sending))
        this.#dependencies.fail(task, attempt, { kind: "terminal", message: cutMessage(messageOf(error)) });
    }
    this.#finish(sending);
  }

  #finish(sending: Sending): void {
    if (this.#inFlight.get(sending.task) === sending) this.#inFlight.delete(sending.task);
    if (this.#ready.size > 0) this.#schedule();
  }

  #isOpen({ task, attempt, wanted }: Sending): boolean {
    return wanted && !this.#stopped && isOpen(task, attempt);
  }

  #append({ task, subject }: Sending, data: Uint8Array): Promise<unknown> {
    const traceparent = this.#dependencies.traceparentOf(task);
    if (traceparent === undefined && !task.losses) return this.#runtime.bus.append(subject, data);
    const headers = {
      ...(traceparent !== undefined && { traceparent }),
      ...(task.losses && { [LOST_HEADER]: String(task.losses.times) }),
    };
    return this.#runtime.bus.append(subject, data, { headers });
  }

  /**
   * Whether a publish that was not confirmed has been stored, and waits or is being worked on. As at a takeover, the
   * queue is asked before the log: when it is over by now, its result has been folded once this resolves.
   */
  async #isQueued(sending: Sending): Promise<boolean> {
    const { task, subject } = sending;
    const { bus, topology } = this.#runtime;
    if ((await bus.listSubjects(topology.streams.tasks.name, subject)).length > 0) return true;
    await this.#dependencies.caughtUp(task);
    return !this.#isOpen(sending);
  }
}

const TASKS = { one: "task is not on the queue yet", many: "tasks are not on the queue yet" };
const NOTHING = Promise.resolve();
