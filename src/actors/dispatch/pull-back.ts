import type { StoredMessage } from "../../bus/port.ts";
import type { TaskAddress } from "../../bus/subjects.ts";
import { isPaused } from "../../fold/pauses.ts";
import { isOpen, type TaskRecord } from "../../fold/task-record.ts";
import { InProgress } from "../host/in-progress.ts";
import type { Runtime } from "../host/runtime.ts";
import { addressOf, type Dispatcher } from "./dispatcher.ts";
import type { QueueGate } from "./queue-gate.ts";

/** What lets attempts on the queue. */
interface Gate extends Pick<QueueGate, "add" | "remove" | "isInside"> {
  /** No worker was given the attempt, nor will be. */
  neverGiven(task: TaskRecord, attempt: number): void;
}

interface Held {
  readonly task: TaskRecord;
  readonly attempt: number;
  readonly at: TaskAddress;
}

/**
 * Takes paused attempts off the queue that no worker has been given. What was given to a worker stays there and goes on: its
 * result counts. If a worker is given one in the moment before its removal, it runs, too, and once more after the pause:
 * delivery is at least once, and the first result counts.
 */
export class PullBack {
  readonly #runtime: Runtime;
  readonly #dispatcher: Dispatcher;
  readonly #gate: Gate;
  readonly #inProgress = new InProgress();
  #held: Held[] = [];

  constructor(runtime: Runtime, dispatcher: Dispatcher, gate: Gate) {
    this.#runtime = runtime;
    this.#dispatcher = dispatcher;
    this.#gate = gate;
  }

  hold(task: TaskRecord, attempt: number): void {
    // What waits at the gate is not on the queue.
    if (!this.#gate.isInside(task)) return void this.#gate.remove(task);
    if (this.#held.length === 0) this.#runtime.clock.endOfTurn(() => this.#flush());
    this.#held.push({ task, attempt, at: addressOf(task, attempt) });
  }

  async stop(): Promise<void> {
    await this.#inProgress.finished();
  }

  #flush(): void {
    const held = this.#held;
    this.#held = [];
    this.#inProgress.add(this.#carryOut(held));
  }

  async #carryOut(held: readonly Held[]): Promise<void> {
    for (let i = 0; i < held.length; i += AT_ONCE)
      await Promise.all(held.slice(i, i + AT_ONCE).map((one) => this.#pullBack(one)));
  }

  async #pullBack(one: Held): Promise<void> {
    const { bus, topology, trouble } = this.#runtime;
    const { task, attempt, at } = one;
    this.#dispatcher.remove(task);
    await this.#dispatcher.answered(task);
    const subject = topology.subjects.task(at);
    let wasNeverGiven = false;
    try {
      if (!isHeld(one)) return;
      const message = await bus.getLastMessage(topology.streams.tasks.name, subject);
      if ((message && (await this.#isGiven(message, at))) || !isHeld(one)) return;
      await bus.removeSubject(topology.streams.tasks.name, subject);
      wasNeverGiven = message !== undefined && !(await this.#isGiven(message, at));
    } catch (error) {
      return trouble.mention(NOT_REMOVED, subject, error);
    }
    this.#gate.remove(task);
    if (wasNeverGiven) this.#gate.neverGiven(task, attempt);
    // It was resumed while its message was on the way out.
    if (isOpen(task, attempt) && !isPaused(task)) this.#gate.add(task);
  }

  /** Whether a worker was given the message, at any time. */
  async #isGiven({ sequence }: StoredMessage, { type, priority }: TaskAddress): Promise<boolean> {
    const { bus, topology } = this.#runtime;
    const { stream, name } = topology.taskConsumer(type, priority);
    return sequence <= (await bus.lastDelivered(stream, name));
  }
}

const isHeld = ({ task, attempt }: Held): boolean => isOpen(task, attempt) && isPaused(task);

const AT_ONCE = 50;

const NOT_REMOVED = {
  one: "paused attempt could not be taken off the queue",
  many: "paused attempts could not be taken off the queue",
};
