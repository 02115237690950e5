import { z } from "zod";
import type { RunOptions } from "../../app.ts";
import { header, isBusError, isPassing, type Message } from "../../bus/port.ts";
import { headerBytes } from "../../bus/sizes.ts";
import { sleep } from "../../core/clock.ts";
import type { Redriven } from "../../core/dead-letter.ts";
import { invalid, messageOf, TuttiError } from "../../core/error.ts";
import type { Ended } from "../../core/event.ts";
import type { HeldTask } from "../../core/held.ts";
import { encodeJson, findNonJson, type Json } from "../../core/json.ts";
import { isName, NAME_EXPECTED } from "../../core/names.ts";
import { problemsOf } from "../../core/problem.ts";
import type { QueryName } from "../../core/query.ts";
import { DEFAULT_TENANT, HEADERS, requestHeaders } from "../../core/request.ts";
import { blobRef } from "../../core/stored.ts";
import { writeTags } from "../../core/tags.ts";
import { injectTraceparent } from "../../telemetry/attempt-span.ts";
import type { ReaderRuntime } from "../host/runtime.ts";
import { waitForEnd } from "../log/end-waiter.ts";
import { readRun } from "../log/run-reader.ts";
import { type Answer, decodeAnswer, readAnswer } from "./answers.ts";
import { ask } from "./orchestrator-request.ts";

/** The time limit for the answer to a query. */
const ANSWER_MS = 10_000;
/**
 * The time limit for the answer to a submission, which takes milliseconds unless the orchestrator has died. A
 * submission has an id, so it can be repeated.
 */
const SUBMISSION_MS = 3000;
/**
 * The time that the client waits for the answer to a run. Most runs end earlier, and then no other message is needed.
 */
const SHORT_RUN_MS = 3000;
/** The bytes that are reserved for the trace header. */
const TRACE_ROOM = 128;
/** The pause before the log is read again to find out whether a run has begun. */
const RECHECK_MS = 250;

/** How long a view of a run waits for what only the owner of the run knows. */
const HELD_MS = 1000;

/** Starts runs and queries them over the bus, like any other client. */
export class Client {
  readonly #runtime: ReaderRuntime;

  constructor(runtime: ReaderRuntime) {
    this.#runtime = runtime;
  }

  /** Resolves once the run is durable. The request is repeated safely, since it always has an id. */
  async submit(type: string, input: Json, options: RunOptions, run: string): Promise<void> {
    await this.#send(type, ...this.#encode(type, input, options, run));
  }

  /** Checks and encodes a request before anything is sent: ids become tokens of subjects. */
  #encode(type: string, input: Json, options: RunOptions, run: string): [Uint8Array, Record<string, string>] {
    if (!isName(type)) throw new TuttiError(400, `task type ${JSON.stringify(type)}: expected ${NAME_EXPECTED}`);
    const odd = findNonJson(input);
    if (odd) throw new TuttiError(400, `the input is not JSON: ${odd}`);
    const headers = {
      [HEADERS.run]: run,
      ...(options.tenant !== undefined && { [HEADERS.tenant]: options.tenant }),
      ...(options.priority !== undefined && { [HEADERS.priority]: options.priority }),
      ...(options.deadline !== undefined && { [HEADERS.deadline]: String(options.deadline) }),
      ...(options.requester !== undefined && { [HEADERS.requester]: options.requester }),
      ...(options.tags?.length && { [HEADERS.tags]: writeTags(options.tags) }),
    };
    const parsed = requestHeaders.safeParse(headers);
    if (!parsed.success) throw invalid("the request's options are invalid", problemsOf(parsed.error, headers));
    const data = encodeInput(input);
    const { maxPayload } = this.#runtime.bus;
    if (data.length + headerBytes(headers) + TRACE_ROOM > maxPayload)
      throw new TuttiError(
        400,
        `the input has ${data.length} bytes; a message holds ${maxPayload}: pass large parts by reference (putBlob), or name a file where the type takes one`,
      );
    return [data, headers];
  }

  async #send(type: string, data: Uint8Array, headers: Record<string, string>): Promise<void> {
    const subject = this.#runtime.topology.subjects.submit(type);
    await ask(this.#runtime, subject, data, { timeoutMs: SUBMISSION_MS, headers: traced(headers) });
  }

  /**
   * Starts a run and waits for its end. It first sends a single request, which the owner of the run answers. If no
   * answer comes in time, or the answer may have been lost, the run is submitted again by its id and its end is read
   * from the log.
   */
  async run(type: string, input: Json, options: RunOptions, run: string): Promise<Json> {
    const { tenant = DEFAULT_TENANT, signal } = options;
    signal?.throwIfAborted();
    const request = this.#encode(type, input, options, run);
    const answer = await orAbort(this.#askOnce(type, ...request), signal);
    if (answer && answer !== "unsent") return this.#output(answer);
    const waiter = await waitForEnd(this.#runtime, tenant, run);
    const ended = async () => {
      if (answer === "unsent") await this.#send(type, ...request);
      else await this.#sendUnlessKnown(type, ...request, { tenant, run, signal });
      waiter.begun();
      // The run may have ended before the waiter existed; with a chosen id, long ago.
      await waiter.check().catch(ifPassing);
      return waiter.ended;
    };
    try {
      return await this.#outcome(run, await orAbort(ended(), signal));
    } finally {
      waiter.stop();
    }
  }

  /** Submits the run. If no orchestrator answers, it is enough that the log has the run already: its end will come. */
  async #sendUnlessKnown(
    type: string,
    data: Uint8Array,
    headers: Record<string, string>,
    { tenant, run, signal }: { tenant: string; run: string; signal: AbortSignal | undefined },
  ): Promise<void> {
    const { bus, topology, clock } = this.#runtime;
    const subject = topology.subjects.logOfRun(tenant, run, "submitted");
    for (;;) {
      try {
        return await this.#send(type, data, headers);
      } catch (error) {
        if (!(error instanceof TuttiError) || error.code !== 503) throw error;
        const isKnown = await bus.getLastMessage(topology.streams.log.name, subject).then(
          (message) => message !== undefined,
          (reason) => (isPassing(reason) ? undefined : false),
        );
        if (isKnown) return;
        if (isKnown === false || signal?.aborted) throw error;
        // Without a connection, or while a cluster elects a leader, the log cannot be read: the run may have begun.
        await sleep(clock, RECHECK_MS);
      }
    }
  }

  /**
   * Resolves with the answer to `run.<type>`, with undefined if it takes too long, or with `unsent` without a
   * connection.
   */
  #askOnce(type: string, data: Uint8Array, headers: Record<string, string>): Promise<Message | "unsent" | undefined> {
    const { bus, topology } = this.#runtime;
    return new Promise((resolve, reject) => {
      const unlisten = bus.onEvent(({ type }) => {
        if (type === "reconnected" || type === "lost") resolve(undefined);
      });
      const options = { timeoutMs: SHORT_RUN_MS, headers: traced(headers), patienceMs: 0 };
      ask(this.#runtime, topology.subjects.run(type), data, options)
        .then(resolve, (error) => {
          if (!isBusError(error.cause, "timeout")) reject(error);
          else resolve(isBusError(error.cause.cause, "unreachable") ? "unsent" : undefined);
        })
        .finally(unlisten);
    });
  }

  #output(answer: Message): Json | Promise<Json> {
    const output = decodeAnswer("the request", answer.data) as Json;
    if (!answer.headers || header(answer, HEADERS.output) === undefined) return output;
    const { outputRef } = referredOutput.parse(output);
    return this.#runtime.blobs.getJson(outputRef);
  }

  async result(run: string, tenant: string, signal?: AbortSignal): Promise<Json> {
    const waiter = await waitForEnd(this.#runtime, tenant, run);
    try {
      const { ended } = await readRun(this.#runtime, tenant, run);
      waiter.begun();
      return await this.#outcome(run, ended?.body ?? (await orAbort(waiter.ended, signal)));
    } finally {
      waiter.stop();
    }
  }

  /** Which tasks of a run limits hold back; none where no orchestrator answers at once: the view of the run stands without. */
  async held(run: string, tenant: string): Promise<HeldTask[]> {
    const { bus, topology, log } = this.#runtime;
    try {
      const subject = topology.subjects.api("runs", "held");
      const answer = await bus.request(subject, encodeJson({ run, tenant }), { timeoutMs: HELD_MS });
      return readAnswer("runs.held", answer.data, log);
    } catch {
      return [];
    }
  }

  async query<Q extends QueryName>(query: Q, body: Json): Promise<Answer<Q>> {
    const [resource, verb] = query.split(".") as [string, string];
    const subject = this.#runtime.topology.subjects.api(resource, verb);
    const { data } = await ask(this.#runtime, subject, encodeJson(body), { timeoutMs: ANSWER_MS });
    return readAnswer(query, data, this.#runtime.log);
  }

  /**
   * Redrives a dead letter. The query names the failed attempt, so that a repetition after a lost answer has no effect.
   */
  async redrive(id: string, options: { tenant?: string; by?: string; reason?: string }): Promise<Redriven> {
    const { tenant } = options;
    const which = { id, ...(tenant !== undefined && { tenant }) };
    // Without a letter, the task may have been redriven already; the answer will say so.
    const letter = await this.query("dead.get", which).catch(orNothing);
    const attempt = letter?.attempt;
    return this.query("dead.redrive", { ...options, id, ...(attempt !== undefined && { attempt }) });
  }

  async #outcome(run: string, ended: Ended): Promise<Json> {
    if (ended.status !== "succeeded")
      throw TuttiError.fromWire(ended.error ?? { code: 500, message: "the run ended without a stated error", run });
    return ended.outputRef === undefined ? (ended.output ?? null) : this.#runtime.blobs.getJson(ended.outputRef);
  }
}

/** Encodes the input. An object with getters may have changed since it was checked, so encoding may still fail. */
function encodeInput(input: Json): Uint8Array {
  try {
    return encodeJson(input);
  } catch (error) {
    throw new TuttiError(400, `the input is not JSON: ${messageOf(error)}`, {}, { cause: error });
  }
}

function orNothing(error: unknown): undefined {
  if (!(error instanceof TuttiError) || error.code !== 404) throw error;
}

function traced(headers: Record<string, string>): Record<string, string> {
  const trace = injectTraceparent();
  return trace === undefined ? headers : { ...headers, [HEADERS.trace]: trace };
}

const referredOutput = z.object({ outputRef: blobRef });

/** Ignores a transient error, because the waiter reads the log again. */
function ifPassing(error: unknown): void {
  if (!isPassing(error)) throw error;
}

function orAbort<T>(wanted: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return wanted;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    // Handled also after an abort, since an unhandled rejection would end the process.
    wanted.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}
