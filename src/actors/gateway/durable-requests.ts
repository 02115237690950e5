import { type Delivery, header, isBusError, type Puller } from "../../bus/port.ts";
import { mostBytes } from "../../bus/sizes.ts";
import { typeOfRequest } from "../../bus/subjects.ts";
import type { DeadRequest } from "../../core/dead-letter.ts";
import { messageOf, TuttiError } from "../../core/error.ts";
import { encodeJson } from "../../core/json.ts";
import { HEADERS, queuedRunId } from "../../core/request.ts";
import { asTuttiError } from "../host/bus-failure.ts";
import { InProgress } from "../host/in-progress.ts";
import type { Runtime } from "../host/runtime.ts";
import type { WaitingWork } from "../host/trouble.ts";
import type { Admission } from "./admission.ts";
import { readRequest } from "./request-reading.ts";
import { submit } from "./submission.ts";

const AT_ONCE = 64;
/** The number of deliveries for which an unknown type is retried: it may be registered shortly after the request. */
const UNKNOWN_TYPE_TRIES = 20;
const RETRY_MS = 1000;
/** The length to which an error's message is cut if the dead letter does not fit into a message. */
const SHORT_CHARACTERS = 300;
/**
 * The interval of checks for room: no event reports that a run of another orchestrator has ended, or that a log has
 * room.
 */
const RECHECK_MS = 100;

const NOT_STARTED: WaitingWork = { one: "stored request waits", many: "stored requests wait" };
const NOT_BURIED: WaitingWork = {
  one: "dead letter of a request is not stored yet",
  many: "dead letters of requests are not stored yet",
};

/**
 * Takes stored requests, which start as soon as an orchestrator is available. One that can never be started becomes a
 * dead letter with its problem, because there is no caller to answer.
 */
export class DurableRequests {
  readonly #runtime: Runtime;
  readonly #admission: Admission;
  #puller: Puller | undefined;
  readonly #taken = new InProgress();
  #disarm: (() => void) | undefined;

  constructor(runtime: Runtime, admission: Admission) {
    this.#runtime = runtime;
    this.#admission = admission;
  }

  async start(): Promise<void> {
    const { bus, topology } = this.#runtime;
    const { requestsConsumer: consumer } = topology;
    await bus.ensureConsumer(consumer);
    this.#puller = await bus.pull(consumer.stream, consumer.name, (delivery) => {
      const taken = this.#take(delivery);
      this.#taken.add(taken);
      void taken.then(() => this.#demand());
    });
    await this.#demand();
  }

  async stop(): Promise<void> {
    const puller = this.#puller;
    this.#puller = undefined;
    this.#disarm?.();
    await puller?.stop();
    await this.#taken.finished();
  }

  /** Checks again, because there may be room. */
  wake(): void {
    if (!this.#disarm) return;
    this.#disarm();
    this.#disarm = undefined;
    void this.#demand();
  }

  /** Demands as many requests as there is room for. The others wait in their stream. */
  async #demand(): Promise<void> {
    const room = Math.min(AT_ONCE, await this.#admission.room());
    const puller = this.#puller;
    if (!puller) return;
    const wanted = room - this.#taken.size - puller.outstanding;
    if (wanted > 0) puller.demand(wanted);
    if (room < AT_ONCE) this.#disarm ??= this.#runtime.clock.timer(RECHECK_MS, () => this.wake());
  }

  async #take(delivery: Delivery): Promise<void> {
    const runtime = this.#runtime;
    const type = typeOfRequest(runtime.topology.subjects, delivery.subject);
    try {
      const request = await readRequest(runtime, type, delivery);
      await submit(runtime, this.#admission, request, { run: queuedRunId(delivery.sequence), patient: true });
      delivery.ack();
    } catch (cause) {
      const error = asTuttiError(cause);
      const code = error instanceof TuttiError ? error.code : 500;
      if (code >= 500) return this.#later(delivery, NOT_STARTED, error);
      if (code === 404 && delivery.deliveries < UNKNOWN_TYPE_TRIES) return delivery.nak(RETRY_MS);
      await this.#bury(type, delivery, error);
    }
  }

  #later(delivery: Delivery, work: WaitingWork, error: unknown): void {
    this.#runtime.trouble.mention(work, delivery.subject, error);
    delivery.nak(RETRY_MS);
  }

  async #bury(type: string, delivery: Delivery, error: unknown): Promise<void> {
    const { bus, topology, log } = this.#runtime;
    try {
      const subject = topology.subjects.deadRequest(type.split(".")[0]!, delivery.sequence);
      await bus
        .append(subject, await this.#letterOf(delivery, error), { expectLastSubjectSequence: 0 })
        // The letter exists already if the request is delivered again because its ack was lost.
        .catch((failure) => isBusError(failure, "wrong-sequence") || Promise.reject(failure));
      log("warn", `request ${delivery.subject} cannot be started and is now a dead letter: ${messageOf(error)}`);
      delivery.ack();
    } catch (failure) {
      if (!isBusError(failure, "too-large")) return this.#later(delivery, NOT_BURIED, failure);
      log("error", `request ${delivery.subject} cannot be started, nor kept as a dead letter: ${messageOf(failure)}`);
      delivery.terminate();
    }
  }

  /**
   * The dead letter of a request. The body is kept as bytes, since it may not be JSON. If the letter is too large for a
   * message, the body is stored as a blob and, if needed, the error is cut.
   */
  async #letterOf(delivery: Delivery, error: unknown): Promise<Uint8Array> {
    const { bus, blobs } = this.#runtime;
    const most = mostBytes(bus);
    const known = error instanceof TuttiError ? error.toJSON() : { code: 500 as const, message: messageOf(error) };
    const letter = {
      v: 1,
      subject: delivery.subject,
      headers: delivery.headers ?? {},
      error: known,
      run: header(delivery, HEADERS.run) ?? queuedRunId(delivery.sequence),
    } satisfies DeadRequest;
    const whole = encodeJson({ ...letter, bodyBase64: Buffer.from(delivery.data).toString("base64") });
    if (whole.length <= most) return whole;
    const apart = { ...letter, bodyRef: await blobs.put(delivery.data) };
    const data = encodeJson(apart);
    if (data.length <= most) return data;
    const { code, message } = known;
    return encodeJson({ ...apart, headers: {}, error: { code, message: message.slice(0, SHORT_CHARACTERS) } });
  }
}
