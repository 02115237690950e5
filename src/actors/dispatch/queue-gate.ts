import { Fifo } from "../../bus/fifo.ts";
import type { RunState } from "../../fold/run-state.ts";
import type { TaskRecord } from "../../fold/task-record.ts";
import { type Dispatcher, priorityOf } from "./dispatcher.ts";

/** The fraction of a queue's limit that one run may use, so that a large run leaves room for small ones that come later. */
const RUN_SHARE = 0.25;

/** What puts on the queue those that are let in. */
type Behind = Pick<Dispatcher, "add" | "remove" | "has">;

/** The tasks of one type and priority. */
interface Queue {
  /** Tasks on the queue, or on their way to it. */
  count: number;
  readonly lines: Map<RunState, Line>;
  /** The lines in which tasks wait; the one whose turn it is comes first. */
  readonly waiting: Set<Line>;
}

/** The tasks of one run. */
interface Line {
  readonly queue: Queue;
  readonly run: RunState;
  count: number;
  /** Waiting tasks, in order; those that were removed meanwhile are still among them. */
  waiting: Fifo<TaskRecord>;
  /** The number of tasks that still wait. */
  left: number;
}

/**
 * Lets a limited number of tasks of a type and priority on the queue; the others wait here, as records. Runs take turns. A
 * task counts from when it is let in until its attempt is closed, whether it is queued or being worked on.
 */
export class QueueGate {
  readonly #dispatcher: Behind;
  readonly #most: number;
  readonly #mostOfRun: number;
  readonly #queues = new Map<string, Queue>();
  readonly #inside = new Map<TaskRecord, Line>();
  readonly #outside = new Map<TaskRecord, Line>();

  constructor(dispatcher: Behind, most: number) {
    this.#dispatcher = dispatcher;
    this.#most = most;
    this.#mostOfRun = Math.ceil(RUN_SHARE * most);
  }

  add(task: TaskRecord): void {
    // What is put there again, because the queue has lost it, is inside already.
    if (this.#inside.has(task)) return this.#dispatcher.add(task);
    if (this.#outside.has(task)) return;
    const line = this.#lineOf(task);
    if (line.left === 0 && this.#hasRoom(line)) return this.#letIn(task, line);
    this.#outside.set(task, line);
    line.waiting.push(task);
    line.left++;
    line.queue.waiting.add(line);
  }

  /** The task is on the queue already, put there by a former owner. */
  found(task: TaskRecord): void {
    if (!this.#inside.has(task)) this.#count(task, this.#lineOf(task));
  }

  /** The task's attempt is closed, or its shard has another owner. False: it was never let in, and so is not on the queue. */
  remove(task: TaskRecord): boolean {
    this.#dispatcher.remove(task);
    const waitedIn = this.#outside.get(task);
    if (waitedIn) this.#leave(task, waitedIn);
    const line = this.#inside.get(task);
    if (!line) return false;
    this.#inside.delete(task);
    line.count--;
    line.queue.count--;
    this.#letNextIn(line.queue);
    this.#tidy(line);
    return true;
  }

  /** Whether the task was let in: it is on the queue, on its way there, or being worked on. */
  isInside(task: TaskRecord): boolean {
    return this.#inside.has(task);
  }

  /** Whether the task has still to be put on the queue. */
  has(task: TaskRecord): boolean {
    return this.#outside.has(task) || this.#dispatcher.has(task);
  }

  /** Those that are on the queue, or on their way to it. */
  inside(): Iterable<TaskRecord> {
    return this.#inside.keys();
  }

  /** Takes out those that wait here, in no order. */
  takeWaiting(): TaskRecord[] {
    const waiting = [...this.#outside.keys()];
    for (const task of waiting) this.remove(task);
    return waiting;
  }

  #lineOf(task: TaskRecord): Line {
    const key = `${task.spec.type} ${priorityOf(task)}`;
    const queue = this.#queues.get(key) ?? { count: 0, lines: new Map<RunState, Line>(), waiting: new Set<Line>() };
    this.#queues.set(key, queue);
    const line = queue.lines.get(task.run) ?? { queue, run: task.run, count: 0, waiting: new Fifo(), left: 0 };
    queue.lines.set(task.run, line);
    return line;
  }

  #hasRoom(line: Line): boolean {
    return line.queue.count < this.#most && line.count < this.#mostOfRun;
  }

  #letIn(task: TaskRecord, line: Line): void {
    this.#count(task, line);
    this.#dispatcher.add(task);
  }

  #count(task: TaskRecord, line: Line): void {
    line.count++;
    line.queue.count++;
    this.#inside.set(task, line);
  }

  #letNextIn(queue: Queue): void {
    // Only the lines that have used up their share are passed over: a handful.
    for (const line of queue.waiting) {
      if (queue.count >= this.#most) return;
      if (!this.#hasRoom(line)) continue;
      const task = this.#next(line);
      this.#letIn(task, line);
      this.#leave(task, line);
      // To the end of the order: the others first.
      if (queue.waiting.delete(line)) queue.waiting.add(line);
    }
  }

  /** The next task that waits. There must be one. */
  #next(line: Line): TaskRecord {
    let task = line.waiting.shift()!;
    while (this.#outside.get(task) !== line) task = line.waiting.shift()!;
    return task;
  }

  #leave(task: TaskRecord, line: Line): void {
    this.#outside.delete(task);
    if (--line.left > 0) return;
    line.waiting = new Fifo();
    line.queue.waiting.delete(line);
    this.#tidy(line);
  }

  #tidy(line: Line): void {
    if (line.count === 0 && line.left === 0 && line.queue.lines.get(line.run) === line)
      line.queue.lines.delete(line.run);
  }
}
