import { z } from "zod";
import { isBusError, type Message } from "../../bus/port.ts";
import { sleep } from "../../core/clock.ts";
import { TuttiError, wireError } from "../../core/error.ts";
import { HEADERS } from "../../core/request.ts";
import { asTuttiError } from "../host/bus-failure.ts";
import type { ReaderRuntime } from "../host/runtime.ts";
import { decodeAnswer } from "./answers.ts";

/** The time for which an unanswered request is repeated before the caller gets an error. */
const PATIENCE_MS = 15_000;
/** The time for which missing orchestrators are tolerated: after a server's restart, they reconnect as the client does. */
const RECONNECT_MS = 1500;

interface AskOptions {
  /** The time limit of one attempt. */
  readonly timeoutMs: number;
  readonly headers?: Record<string, string>;
  /** The time for which an unanswered request is repeated. Default 15 s. */
  readonly patienceMs?: number;
}

/** Sends a request to the orchestrators. Rejects with the {@link TuttiError} of the answer, or with 503 without one. */
export async function ask(
  runtime: Pick<ReaderRuntime, "bus" | "clock">,
  subject: string,
  data: Uint8Array,
  options: AskOptions,
): Promise<Message> {
  try {
    const answer = await requestPatiently(runtime, subject, data, options);
    const failure = errorIn(answer);
    if (failure) throw failure;
    return answer;
  } catch (error) {
    if (isBusError(error, "no-responders"))
      throw new TuttiError(
        503,
        "no orchestrator answers: start one with `tutti orchestrator` or `tutti dev`",
        {},
        { cause: error },
      );
    if (isBusError(error, "too-large")) throw asTuttiError(error);
    if (isBusError(error))
      throw new TuttiError(
        503,
        `the request was not answered: ${error.message} (at ${new Date(runtime.clock.now()).toISOString()})`,
        {},
        { cause: error },
      );
    throw error;
  }
}

/** Repeats a request without an answer: the orchestrator that took it may have died, and another takes it. */
async function requestPatiently(
  { bus, clock }: Pick<ReaderRuntime, "bus" | "clock">,
  subject: string,
  data: Uint8Array,
  { patienceMs = PATIENCE_MS, ...options }: AskOptions,
): Promise<Message> {
  const since = clock.monotonic();
  for (;;) {
    try {
      return await bus.request(subject, data, options);
    } catch (error) {
      const waitedMs = clock.monotonic() - since;
      const mostMs = isBusError(error, "timeout") ? patienceMs - options.timeoutMs : RECONNECT_MS;
      if (!isBusError(error, "timeout", "no-responders") || waitedMs > mostMs) throw error;
      await sleep(clock, 100);
    }
  }
}

const errorReply = z.object({ error: wireError });

function errorIn(answer: Message): TuttiError | undefined {
  if (answer.oversizedHeaders !== undefined)
    return new TuttiError(500, `the answer has headers of ${answer.oversizedHeaders} bytes, which are not read`);
  if (
    !answer.headers ||
    !Object.keys(answer.headers).some((key) => key.toLowerCase() === HEADERS.errorCode.toLowerCase())
  )
    return undefined;
  const parsed = errorReply.safeParse(decodeAnswer("the request", answer.data));
  return parsed.success
    ? TuttiError.fromWire(parsed.data.error)
    : new TuttiError(500, "an error reply that cannot be read");
}
