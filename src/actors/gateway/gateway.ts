import { header, isBusError, type Message } from "../../bus/port.ts";
import { typeOfRequest } from "../../bus/subjects.ts";
import { TuttiError } from "../../core/error.ts";
import type { Ended } from "../../core/event.ts";
import { shardOf } from "../../core/hash.ts";
import { encodeJson } from "../../core/json.ts";
import { HEADERS } from "../../core/request.ts";
import type { Runtime } from "../host/runtime.ts";
import { type EndWaiter, waitForEnd } from "../log/end-waiter.ts";
import type { Admission } from "./admission.ts";
import { type Request, readRequest } from "./request-reading.ts";
import { answerOf, errorAnswer } from "./run-answer.ts";
import { Semaphore } from "./semaphore.ts";
import { submit } from "./submission.ts";

/**
 * The limits of requests that are read and stored at once: more than arrive in a few round trips. A burst waits unread
 * until these are stored; a flood that would fill the memory is refused.
 */
const LIMITS = { atOnce: 1000, waiting: 20_000, waitingBytes: 32 * 2 ** 20 };

/** Answers `run.*` and `submit.*`. Every failure becomes a reply; no request can disturb the process. */
export class Gateway {
  readonly #runtime: Runtime;
  readonly #admission: Admission;
  readonly #semaphore = new Semaphore(LIMITS);
  /** The error for waiting callers, set when the gateway stops. */
  #stopping: TuttiError | undefined;
  /** The `reject` functions of callers that wait here for an end. */
  readonly #waiting = new Set<(error: TuttiError) => void>();

  constructor(runtime: Runtime, admission: Admission) {
    this.#runtime = runtime;
    this.#admission = admission;
  }

  /** Answers the callers that still wait with 503. Their runs continue, and can be requested again by their ids. */
  stop(): void {
    this.#stopping = new TuttiError(503, "the orchestrator that was asked is stopping; the run continues");
    for (const reject of this.#waiting) reject(this.#stopping);
  }

  /** Answers `submit.<type>` with the run's id, once the run is durable. */
  submit(message: Message): void {
    void answering(message, async () => {
      const { run } = await this.#taking(message, async () => {
        const request = await this.#read(message);
        return submit(this.#runtime, this.#admission, request);
      });
      message.respond(encodeJson({ run }), { [HEADERS.run]: run });
    });
  }

  /** Takes `run.<type>`. Its owner answers with the output once the run has ended. */
  run(message: Message): void {
    void answering(message, async () => {
      const runtime = this.#runtime;
      const { replyTo } = message;
      const { isNew, tenant, run } = await this.#taking(message, async () => {
        const request = await this.#read(message);
        return submit(runtime, this.#admission, replyTo === undefined ? request : { ...request, replyTo });
      });
      // The log has the reply subject, so the answer does not depend on this process.
      if (isNew && replyTo !== undefined) return;
      const waiter = await waitForEnd(runtime, tenant, run, shardOf(run, runtime.shards));
      const { data, headers } = await answerOf(runtime, run, await this.#endOf(waiter));
      message.respond(data, headers);
    });
  }

  async #endOf(waiter: EndWaiter): Promise<Ended> {
    // Not a race against one shared promise, which would keep every end in memory while it is pending.
    const { promise, resolve, reject } = Promise.withResolvers<Ended>();
    promise.catch(() => {});
    waiter.ended.then(resolve, reject);
    this.#waiting.add(reject);
    try {
      waiter.begun();
      await waiter.check();
      if (this.#stopping) reject(this.#stopping);
      return await promise;
    } finally {
      this.#waiting.delete(reject);
      waiter.stop();
    }
  }

  #read(message: Message): Promise<Request> {
    return readRequest(this.#runtime, typeOfRequest(this.#runtime.topology.subjects, message.subject), message);
  }

  /** Takes a request when its turn comes. Throws 503, before the message is read, if too many wait already. */
  #taking<T>(message: Message, take: () => Promise<T>): Promise<T> {
    const taken = this.#semaphore.take(message.data.length, take);
    if (taken) return taken;
    const { inProgress, waiting } = this.#semaphore;
    throw new TuttiError(
      503,
      `${inProgress} requests are in progress here, and ${waiting} wait: send fewer at once, or start more orchestrators`,
    );
  }
}

/**
 * Whether an answer may be sent to a subject. The caller chooses it, but the orchestrator publishes with its own
 * rights: a caller must not make it write to Tutti's subjects or to the server's.
 */
export const isInbox = (replyTo: string, prefix: string): boolean =>
  !replyTo.startsWith("$") && !replyTo.startsWith(`${prefix}.`);

/** Runs `answer`; an error that it throws becomes an error reply. */
export async function answering(message: Message, answer: () => Promise<void>): Promise<void> {
  try {
    await answer();
  } catch (error) {
    try {
      respondError(message, error);
    } catch {
      // The connection is gone, and the caller with it.
    }
  }
}

/** Responds with an error, and with a shortened one if the whole does not fit into a message. */
function respondError(message: Message, error: unknown): void {
  for (const maxPayload of [Number.POSITIVE_INFINITY, 0]) {
    const { data, headers } = errorAnswer(error, header(message, HEADERS.run), maxPayload);
    try {
      return message.respond(data, headers);
    } catch (failure) {
      if (!isBusError(failure, "too-large")) throw failure;
    }
  }
}
