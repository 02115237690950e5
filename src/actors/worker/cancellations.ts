import { z } from "zod";
import type { Message } from "../../bus/port.ts";
import { parseCancelSubject, parseTaskSubject, type Subjects } from "../../bus/subjects.ts";
import type { Clock } from "../../core/clock.ts";
import { decodeJson } from "../../core/json.ts";
import type { Attempt } from "../attempt/attempt.ts";
import { AttemptAborted } from "../attempt/outcome.ts";

/** The body of `cancel.<tenant>.<run>`: which attempts to abort; without `tasks`, all of the run. */
const cancelMessage = z.object({
  v: z.literal(1).default(1),
  tasks: z.array(z.object({ task: z.string(), attempt: z.int().optional() })).optional(),
});

/** What is cancelled may still be on its way from the queue for this long. */
const REMEMBERED_MS = 60_000;

interface Cancelled {
  untilMs: number;
  /** Every attempt of the run. */
  all: boolean;
  /** `<task>` or `<task>#<attempt>`. */
  readonly tasks: Set<string>;
}

/** Aborts the handlers that an orchestrator names, and remembers the names for those that are yet to begin. */
export class Cancellations {
  readonly #subjects: Subjects;
  readonly #clock: Clock;
  readonly #attempts: () => Iterable<Attempt>;
  /** What was cancelled, by tenant and run, the oldest first. */
  readonly #recent = new Map<string, Cancelled>();

  constructor(subjects: Subjects, clock: Clock, attempts: () => Iterable<Attempt>) {
    this.#subjects = subjects;
    this.#clock = clock;
    this.#attempts = attempts;
  }

  take(message: Message): void {
    const { tenant, run } = parseCancelSubject(this.#subjects, message.subject);
    const tasks = readTasks(message.data);
    if (tasks === "unreadable") return;
    this.#remember(`${tenant}.${run}`, tasks);
    for (const attempt of this.#attempts()) {
      const { task, run: ofRun, attempt: number } = attempt.message;
      if (attempt.tenant === tenant && ofRun === run && this.#isNamed(`${tenant}.${run}`, task, number))
        attempt.abort(new AttemptAborted("cancelled", "the task was cancelled"));
    }
  }

  /** Whether the attempt that a task's subject names was cancelled before it began. */
  hasCancelled(subject: string): boolean {
    if (this.#recent.size === 0) return false;
    const { tenant, run, task, attempt } = parseTaskSubject(this.#subjects, subject);
    return this.#isNamed(`${tenant}.${run}`, task, attempt);
  }

  #isNamed(key: string, task: string, attempt: number): boolean {
    const found = this.#recent.get(key);
    return found !== undefined && (found.all || found.tasks.has(task) || found.tasks.has(`${task}#${attempt}`));
  }

  #remember(key: string, tasks: z.output<typeof cancelMessage>["tasks"]): void {
    const now = this.#clock.monotonic();
    for (const [old, { untilMs }] of this.#recent) {
      if (untilMs > now) break;
      this.#recent.delete(old);
    }
    const found = this.#recent.get(key) ?? { untilMs: 0, all: false, tasks: new Set<string>() };
    found.untilMs = now + REMEMBERED_MS;
    found.all ||= tasks === undefined;
    for (const { task, attempt } of tasks ?? []) found.tasks.add(attempt === undefined ? task : `${task}#${attempt}`);
    this.#recent.delete(key);
    this.#recent.set(key, found);
  }
}

function readTasks(data: Uint8Array): z.output<typeof cancelMessage>["tasks"] | "unreadable" {
  if (data.length === 0) return undefined;
  try {
    const parsed = cancelMessage.safeParse(decodeJson(data));
    return parsed.success ? parsed.data.tasks : "unreadable";
  } catch {
    return "unreadable";
  }
}
