import type { Headers } from "../../bus/port.ts";
import { messageOf, TuttiError } from "../../core/error.ts";
import type { Ended } from "../../core/event.ts";
import { encodeJson } from "../../core/json.ts";
import { HEADERS } from "../../core/request.ts";
import { asTuttiError } from "../host/bus-failure.ts";
import type { Runtime } from "../host/runtime.ts";

export interface Answer {
  readonly data: Uint8Array;
  readonly headers: Headers;
}

/** The answer to callers that wait for a run, once it has ended: its output, or the error that it ended with. */
export async function answerOf(
  { bus, blobs }: Pick<Runtime, "bus" | "blobs">,
  run: string,
  ended: Ended,
): Promise<Answer> {
  try {
    if (ended.status !== "succeeded")
      throw TuttiError.fromWire(ended.error ?? { code: 500, message: "the run ended without saying why", run });
    const data = ended.outputRef === undefined ? encodeJson(ended.output ?? null) : await blobs.get(ended.outputRef);
    if (data.length <= bus.maxPayload - HEADER_ROOM) return { data, headers: { [HEADERS.run]: run } };
    // Larger than the bus carries in a message: the run has succeeded, its output waits in the object store.
    const { outputRef = await blobs.put(data) } = ended;
    const reference = encodeJson({ outputRef, bytes: data.length });
    return { data: reference, headers: { [HEADERS.run]: run, [HEADERS.output]: "ref" } };
  } catch (error) {
    return errorAnswer(error, run, bus.maxPayload);
  }
}

/** An error as an answer. It is always short enough to be sent, whatever a caller managed to get into its words. */
export function errorAnswer(cause: unknown, run: string | undefined, maxPayload: number): Answer {
  const error = asTuttiError(cause);
  const known = error instanceof TuttiError ? error : new TuttiError(500, messageOf(error));
  const { code } = known;
  const named = known.details.run ?? run;
  const data = encodeJson({ error: known.toJSON() });
  const fits = data.length <= Math.min(MOST_ERROR_BYTES, maxPayload - HEADER_ROOM);
  return {
    data: fits ? data : encodeJson({ error: { code, message: known.message.slice(0, SHORT_CHARACTERS) } }),
    headers: {
      [HEADERS.errorCode]: String(code),
      // Headers hold one line.
      [HEADERS.error]: known.message.replaceAll(/[\r\n]+/g, " ").slice(0, SHORT_CHARACTERS),
      ...(named && { [HEADERS.run]: named.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 100) }),
    },
  };
}

const MOST_ERROR_BYTES = 256 * 1024;
/** An error's message is cut to this in the header, and where the whole does not fit into a message of the bus. */
const SHORT_CHARACTERS = 300;
/** The bytes that the headers of an answer may take: a cut message, in up to three bytes a character, and the run's id. */
const HEADER_ROOM = 1280;
