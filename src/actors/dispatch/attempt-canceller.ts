import { mostBytes } from "../../bus/sizes.ts";
import type { TaskAddress } from "../../bus/subjects.ts";
import { encodeJson } from "../../core/json.ts";
import type { TaskRecord } from "../../fold/task-record.ts";
import { InProgress } from "../host/in-progress.ts";
import type { Runtime } from "../host/runtime.ts";
import type { Dispatcher } from "./dispatcher.ts";

/** The limits, as far as attempts that were ended without their workers concern them. */
interface Permits {
  holdsPermits(task: TaskRecord, attempt: number): boolean;
  /** No worker was given the attempt, nor will be. */
  neverGiven(task: TaskRecord, attempt: number): void;
}

interface Batch {
  readonly tenant: string;
  readonly run: string;
  readonly withdrawn: { task: TaskRecord; at: TaskAddress }[];
}

/**
 * Takes attempts off the queue that were ended without their worker, and sends a cancellation: one message a run for all
 * that ended in one turn. If the message or a removal is lost, a handler runs in vain and its result is ignored.
 */
export class AttemptCanceller {
  readonly #runtime: Runtime;
  readonly #dispatcher: () => Dispatcher;
  readonly #permits: () => Permits;
  readonly #batches = new Map<string, Batch>();
  readonly #inProgress = new InProgress();

  constructor(runtime: Runtime, dispatcher: () => Dispatcher, permits: () => Permits) {
    this.#runtime = runtime;
    this.#dispatcher = dispatcher;
    this.#permits = permits;
  }

  withdraw(task: TaskRecord, at: TaskAddress): void {
    const { tenant, run } = at;
    const key = `${tenant}/${run}`;
    let batch = this.#batches.get(key);
    if (!batch) {
      batch = { tenant, run, withdrawn: [] };
      this.#batches.set(key, batch);
      this.#runtime.clock.endOfTurn(() => {
        const full = this.#batches.get(key)!;
        this.#batches.delete(key);
        this.#inProgress.add(this.#carryOut(full));
      });
    }
    batch.withdrawn.push({ task, at });
  }

  /** A message that a former owner left on the queue although its attempt is closed. */
  removeStale(subject: string): void {
    this.#inProgress.add(this.#remove(subject));
  }

  async stop(): Promise<void> {
    await this.#inProgress.finished();
  }

  async #carryOut({ tenant, run, withdrawn }: Batch): Promise<void> {
    const { bus, topology } = this.#runtime;
    const tasks = withdrawn.map(({ at }) => ({ task: at.task, attempt: at.attempt }));
    const { snapshot } = withdrawn[0]!.task.run;
    // Attempts of a run that is redriven, or of what undoes it, come later, and must not be taken for those.
    const isForGood = !snapshot.hasTag("active") && !snapshot.hasTag("unwinding") && !snapshot.context.isRedrivable;
    try {
      const subject = topology.subjects.cancel(tenant, run);
      if (isForGood) bus.publish(subject, encodeJson({ v: 1 }));
      else
        for (const named of inPortions(tasks, mostBytes(bus))) bus.publish(subject, encodeJson({ v: 1, tasks: named }));
    } catch (error) {
      this.#runtime.trouble.mention(NOT_REPORTED, `run ${run}`, error);
    }
    // An attempt that is being published would appear on the queue after its removal.
    await Promise.all(withdrawn.map(({ task }) => this.#dispatcher().answered(task)));
    for (let i = 0; i < withdrawn.length; i += AT_ONCE)
      await Promise.all(withdrawn.slice(i, i + AT_ONCE).map((one) => this.#takeOff(one)));
  }

  /** An attempt that no worker was given needs its permits no longer: that is known where the queue was not yet given out so far. */
  async #takeOff({ task, at }: Batch["withdrawn"][number]): Promise<void> {
    const { bus, topology, trouble } = this.#runtime;
    const subject = topology.subjects.task(at);
    if (!this.#permits().holdsPermits(task, at.attempt)) return this.#remove(subject);
    const { stream, name } = topology.taskConsumer(at.type, at.priority);
    try {
      const message = await bus.getLastMessage(stream, subject);
      await bus.removeSubject(stream, subject);
      if (message && message.sequence > (await bus.lastDelivered(stream, name)))
        this.#permits().neverGiven(task, at.attempt);
    } catch (error) {
      trouble.mention(NOT_REMOVED, subject, error);
    }
  }

  async #remove(subject: string): Promise<void> {
    const { bus, topology, trouble } = this.#runtime;
    const remove = bus.removeSubject(topology.streams.tasks.name, subject);
    await remove.catch((error) => trouble.mention(NOT_REMOVED, subject, error));
  }
}

/** Around the names in a message, and around each of them, bytes. */
const FRAME = 64;

/** The tasks in groups, each of which fits into a message. */
function* inPortions<T extends { readonly task: string }>(tasks: readonly T[], most: number): Iterable<T[]> {
  let portion: T[] = [];
  let bytes = FRAME;
  for (const one of tasks) {
    const size = one.task.length + FRAME;
    if (portion.length > 0 && bytes + size > most) {
      yield portion;
      portion = [];
      bytes = FRAME;
    }
    portion.push(one);
    bytes += size;
  }
  if (portion.length > 0) yield portion;
}

const AT_ONCE = 50;

const NOT_REPORTED = {
  one: "cancellation could not be sent to the workers",
  many: "cancellations could not be sent to the workers",
};
const NOT_REMOVED = {
  one: "closed attempt could not be taken off the queue",
  many: "closed attempts could not be taken off the queue",
};
