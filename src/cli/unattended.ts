import type { Tutti, WatchEvent } from "../app.ts";

const FIRST_LOOK_MS = 3000;
const NEXT_LOOK_MS = 10_000;

/**
 * Reports, once per type, that a task waits and no running worker executes its type, so that the user knows why it
 * waits.
 */
export class Unattended implements Disposable {
  readonly #app: Tutti;
  readonly #note: (line: string) => void;
  /** The types of the tasks that are not known to run, by task. */
  readonly #waiting = new Map<string, string>();
  readonly #reported = new Set<string>();
  #timer: NodeJS.Timeout;
  #over = false;

  constructor(app: Tutti, note: (line: string) => void) {
    this.#app = app;
    this.#note = note;
    this.#timer = setTimeout(() => void this.#look(), FIRST_LOOK_MS);
  }

  take(event: WatchEvent): void {
    if (event.kind !== "task") return;
    const { task, type, state } = event.task;
    if (state === "queued" || state === "ready") this.#waiting.set(task, type);
    else this.#waiting.delete(task);
  }

  [Symbol.dispose](): void {
    this.#over = true;
    clearTimeout(this.#timer);
  }

  async #look(): Promise<void> {
    const types = new Set([...this.#waiting.values()].filter((type) => !this.#reported.has(type)));
    // Without an answer there is nothing to report: the orchestrator may be gone.
    const workers = types.size > 0 ? await this.#app.workers().catch(() => undefined) : undefined;
    const attended = new Set(workers?.flatMap((one) => one.types));
    for (const type of workers && !this.#over ? types : []) {
      if (attended.has(type)) continue;
      this.#reported.add(type);
      this.#note(`no worker that executes ${type} is alive: its tasks wait for one (see \`tutti workers\`)`);
    }
    if (!this.#over) this.#timer = setTimeout(() => void this.#look(), NEXT_LOOK_MS);
  }
}
