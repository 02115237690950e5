import type { SentSignal } from "../core/event.ts";
import type { Awaited } from "../core/wait.ts";
import type { Output, TaskRecord } from "./task-record.ts";

/** A signal as it stands in the log. */
export interface Signal extends Pick<SentSignal, "id" | "to" | "by"> {
  readonly sequence: number;
  readonly content: Output;
}

/** A task that waits. */
export interface OpenWait {
  readonly awaited: Awaited;
  /** Log time, ms: when it began. */
  readonly since: number;
  /** Log time, ms, at which it ends unanswered, or, where it waits for that time, is answered; 0: never. */
  readonly endsAt: number;
  /** The signal that it is to take, if that is found right. */
  candidate: Signal | undefined;
}

/** What has become of a signal: it is kept, was given to the wait of a task and is looked at, or was taken or refused there. */
export type Fate =
  | { readonly state: "kept" }
  | { readonly state: "given" | "taken" | "refused"; readonly task: string };

/**
 * The open waits of a run, and the signals that none has taken. A signal goes to the wait of its path, or to the oldest open
 * wait of its name; one that comes early is kept until there is such a wait. It is looked at once, and used once.
 */
export class Waits {
  /** The oldest first. */
  readonly open = new Map<TaskRecord, OpenWait>();
  /** In the order of the log. */
  readonly kept: Signal[] = [];
  /** By id, of every signal of the run. */
  readonly fates = new Map<string, Fate>();

  /** The signals that no task has taken. */
  *pending(): Generator<Signal> {
    yield* this.kept;
    for (const { candidate } of this.open.values()) if (candidate) yield candidate;
  }

  /** The wait begins. Returns whether it has a signal to look at. */
  begin(task: TaskRecord, wait: Omit<OpenWait, "candidate">): boolean {
    this.open.set(task, { ...wait, candidate: undefined });
    return this.#giveKept(task);
  }

  /** Returns the task whose wait has to look at the signal; undefined when it is kept, or came before. */
  take(signal: Signal): TaskRecord | undefined {
    if (this.fates.has(signal.id)) return undefined;
    const task = this.findFor(signal);
    if (task) this.#give(task, signal);
    else this.#keep(signal);
    return task;
  }

  /** The open wait that a signal would go to: that of the path, else the oldest of the name. */
  findFor({ to }: Pick<Signal, "to">): TaskRecord | undefined {
    let found: TaskRecord | undefined;
    for (const [task, { candidate }] of this.open) {
      if (candidate || !isFor(to, task)) continue;
      if (task.id === to) return task;
      found ??= task;
    }
    return found;
  }

  /** The signal that was looked at is not taken. Returns whether there is another one. */
  refuse(task: TaskRecord): boolean {
    const wait = this.open.get(task)!;
    this.fates.set(wait.candidate!.id, { state: "refused", task: task.id });
    wait.candidate = undefined;
    return this.#giveKept(task);
  }

  /** The signal that was looked at is the answer. */
  accept(task: TaskRecord): void {
    const wait = this.open.get(task)!;
    this.fates.set(wait.candidate!.id, { state: "taken", task: task.id });
    wait.candidate = undefined;
  }

  /** The wait is over. Returns the task whose wait has to look at the signal that this one has not. */
  end(task: TaskRecord): TaskRecord | undefined {
    const candidate = this.open.get(task)?.candidate;
    this.open.delete(task);
    if (!candidate) return undefined;
    this.fates.delete(candidate.id);
    return this.take(candidate);
  }

  #giveKept(task: TaskRecord): boolean {
    const index = this.kept.findIndex(({ to }) => isFor(to, task));
    if (index < 0) return false;
    this.#give(task, this.kept.splice(index, 1)[0]!);
    return true;
  }

  #give(task: TaskRecord, signal: Signal): void {
    this.open.get(task)!.candidate = signal;
    this.fates.set(signal.id, { state: "given", task: task.id });
  }

  #keep(signal: Signal): void {
    const next = this.kept.findIndex(({ sequence }) => sequence > signal.sequence);
    this.kept.splice(next < 0 ? this.kept.length : next, 0, signal);
    this.fates.set(signal.id, { state: "kept" });
  }
}

const isFor = (to: string, task: TaskRecord): boolean => {
  const name = task.node!.stated.wait?.signal;
  return name !== undefined && (task.id === to || name === to);
};
