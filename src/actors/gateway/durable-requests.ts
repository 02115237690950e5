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
/** A type may be registered a little after the request for it came. */
const UNKNOWN_TYPE_TRIES = 20;
const RETRY_MS = 1000;
/** An error's message is cut to this where a dead letter does not fit into a message of the bus. */
const SHORT_CHARACTERS = 300;
/** Time until the next look whether there is room: no event says that another orchestrator's run has ended, or that a log has room. */
const RECHECK_MS = 100;

const NOT_STARTED: WaitingWork = { one: "stored request waits", many: "stored requests wait" };
const NOT_BURIED: WaitingWork = {
  one: "dead letter of a request is not stored yet",
  many: "dead letters of requests are not stored yet",
};

/**
 * Takes requests that were published to be started whenever an orchestrator is there. One that can never be started
 * goes to the dead letters, with what is wrong with it: there is no caller to answer.
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

  /** There may be room again. */
  wake(): void {
    if (!this.#disarm) return;
    this.#disarm();
    this.#disarm = undefined;
    void this.#demand();
  }

  /** Asks for as many as there is room for; the others wait in their stream. */
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
        // One that is delivered again, because its ack was lost, is there already.
        .catch((failure) => isBusError(failure, "wrong-sequence") || Promise.reject(failure));
      log("warn", `request ${delivery.subject} cannot be started and is now a dead letter: ${messageOf(error)}`);
      delivery.ack();
    } catch (failure) {
      if (!isBusError(failure, "too-large")) return this.#later(delivery, NOT_BURIED, failure);
      log("error", `request ${delivery.subject} cannot be started, nor kept as a dead letter: ${messageOf(failure)}`);
      delivery.terminate();
    }
  }

  /** The body as it came, for it may be anything but JSON; what makes the letter too large for a message is stored apart, or cut. */
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
