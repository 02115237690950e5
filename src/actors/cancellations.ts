import { z } from "zod";
import type { Message } from "../bus/port.ts";
import type { Subjects } from "../bus/subjects.ts";
import { decodeJson } from "../core/json.ts";
import { type Attempt, AttemptAborted } from "./attempt.ts";

/** The body of `cancel.<tenant>.<run>`: which attempts to abort; without `tasks`, all of the run. */
const cancelMessage = z.object({
  v: z.literal(1).default(1),
  tasks: z.array(z.object({ task: z.string(), attempt: z.int().optional() })).optional(),
});

/** Aborts the handlers that an orchestrator names. */
export class Cancellations {
  readonly #subjects: Subjects;
  readonly #attempts: () => Iterable<Attempt>;

  constructor(subjects: Subjects, attempts: () => Iterable<Attempt>) {
    this.#subjects = subjects;
    this.#attempts = attempts;
  }

  take(message: Message): void {
    const [tenant, run] = message.subject.slice(this.#subjects.prefix.length + "cancel".length + 2).split(".");
    const tasks = readTasks(message.data);
    if (tasks === "unreadable") return;
    const named = tasks && new Map(tasks.map((one) => [one.task, one.attempt]));
    for (const attempt of this.#attempts()) {
      const { message: at } = attempt;
      if (attempt.tenant !== tenant || at.run !== run) continue;
      if (named && !(named.has(at.task) && (named.get(at.task) ?? at.attempt) === at.attempt)) continue;
      attempt.abort(new AttemptAborted("cancelled", "the task was cancelled"));
    }
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
