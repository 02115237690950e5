import type { Stoppable } from "../bus/port.ts";
import { parseTaskSubject } from "../bus/subjects.ts";
import { messageOf } from "../core/error.ts";
import { PRIORITIES, type Priority } from "../core/names.ts";
import type { Host } from "./host.ts";

/** How often the stream is asked, in case that what was put there was not heard. */
const LOOK_MS = 30_000;
const RETRY_MS = 500;

/**
 * Finds out which queues of a worker's types have anything but tasks of normal priority, and tells each once. Every
 * consumer of a stream costs the server a part of every task, whosever it is, and most programs use one priority: so a
 * worker opens these queues when a task is put there, which plain subscribers hear, or stands there already.
 */
export class RareQueues {
  readonly #host: Pick<Host, "bus" | "topology" | "clock" | "log">;
  readonly #types: readonly string[];
  readonly #onUsed: (type: string, priority: Priority) => void;
  /** Those not told yet, with what listens there. */
  readonly #quiet = new Map<Priority, Map<string, Stoppable>>();
  #isStopped = false;
  #disarm = () => {};
  #unlisten = () => {};

  constructor(
    host: Pick<Host, "bus" | "topology" | "clock" | "log">,
    types: readonly string[],
    onUsed: (type: string, priority: Priority) => void,
  ) {
    this.#host = host;
    this.#types = types;
    this.#onUsed = onUsed;
  }

  /** Resolves when those that have tasks now have been told. */
  async start(): Promise<void> {
    const { bus, topology } = this.#host;
    const subscribed = PRIORITIES.filter((one) => one !== "normal").flatMap((priority) => {
      const listeners = new Map<string, Stoppable>();
      this.#quiet.set(priority, listeners);
      return this.#types.map(async (type) => {
        const filter = topology.subjects.tasksOfType(type, priority);
        listeners.set(type, await bus.subscribe(filter, () => this.#found(type, priority)));
      });
    });
    await Promise.all(subscribed);
    this.#unlisten = bus.onEvent(({ type }) => type === "reconnected" && this.#lookAgain(0));
    await this.#look();
    this.#lookAgain(LOOK_MS);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#disarm();
    this.#unlisten();
    const listeners = [...this.#quiet.values()].flatMap((one) => [...one.values()]);
    this.#quiet.clear();
    await Promise.all(listeners.map((one) => one.stop()));
  }

  #found(type: string, priority: Priority): void {
    const listeners = this.#quiet.get(priority);
    const listener = listeners?.get(type);
    if (!listener) return;
    listeners!.delete(type);
    void listener.stop().catch(() => {});
    this.#onUsed(type, priority);
  }

  async #look(): Promise<void> {
    const { bus, topology } = this.#host;
    for (const [priority, listeners] of this.#quiet) {
      if (listeners.size === 0) continue;
      const queued = await bus.listSubjects(topology.streams.tasks.name, topology.subjects.tasksOfType("*", priority));
      for (const subject of queued) this.#found(parseTaskSubject(topology.subjects, subject).type, priority);
    }
  }

  #lookAgain(delayMs: number): void {
    this.#disarm();
    if (this.#isStopped) return;
    this.#disarm = this.#host.clock.timer(delayMs, () => {
      this.#look().then(
        () => this.#lookAgain(LOOK_MS),
        (error) => {
          this.#host.log("debug", `the queues could not be looked at, which is tried again: ${messageOf(error)}`);
          this.#lookAgain(RETRY_MS);
        },
      );
    });
  }
}
