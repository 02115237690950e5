import { isBusError } from "../../bus/port.ts";
import { held } from "../../core/query.ts";
import type { WorkerPresence } from "../../core/registration.ts";
import { readAs } from "../host/bucket-entry.ts";
import type { Runtime } from "../host/runtime.ts";

/** What a worker says that it has taken: the subjects of its task messages. `unknown`: it cannot be asked, has too many, or answers something else. */
export type Answer = ReadonlySet<string> | "unknown" | "silent" | "gone";

/** What a worker answers within this time; a process that is busy takes some of it. */
const ANSWER_MS = 1000;
/** An answer is used for all that ask within this time. */
const FRESH_MS = 250;

/** Asks workers what they have taken and not ended. */
export class WorkerHoldings {
  readonly #runtime: Pick<Runtime, "bus" | "clock">;
  readonly #answers = new Map<string, { readonly askedMs: number; readonly answer: Promise<Answer> }>();

  constructor(runtime: Pick<Runtime, "bus" | "clock">) {
    this.#runtime = runtime;
  }

  /** `silent`: no answer in time; `gone`: nobody listens there any more. Rejects when the bus fails. */
  async ask({ inquiries }: WorkerPresence): Promise<Answer> {
    if (inquiries === undefined) return "unknown";
    try {
      const message = await this.#runtime.bus.request(inquiries, new Uint8Array(), { timeoutMs: ANSWER_MS });
      const answer = readAs(held, message.data);
      return answer?.held ? new Set(answer.held) : "unknown";
    } catch (error) {
      if (isBusError(error, "no-responders")) return "gone";
      if (isBusError(error, "timeout")) return "silent";
      throw error;
    }
  }

  /** The same, as it was said a moment ago where it was asked then. */
  askOnce(presence: WorkerPresence): Promise<Answer> {
    const askedMs = this.#runtime.clock.monotonic();
    for (const [id, known] of this.#answers) if (askedMs - known.askedMs > FRESH_MS) this.#answers.delete(id);
    const known = this.#answers.get(presence.worker);
    if (known) return known.answer;
    const answer = this.ask(presence);
    this.#answers.set(presence.worker, { askedMs, answer });
    return answer;
  }
}
