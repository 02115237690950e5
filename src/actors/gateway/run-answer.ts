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

/** The answer to callers that wait for a run: its output, or the error that it ended with. */
export async function answerOf(
  { bus, blobs }: Pick<Runtime, "bus" | "blobs">,
  run: string,
  ended: Ended,
): Promise<Answer> {
  try {
    if (ended.status !== "succeeded")
      throw TuttiError.fromWire(ended.error ?? { code: 500, message: "the run ended without a stated error", run });
    const data = ended.outputRef === undefined ? encodeJson(ended.output ?? null) : await blobs.get(ended.outputRef);
    if (data.length <= bus.maxPayload - HEADER_ROOM) return { data, headers: { [HEADERS.run]: run } };
    // The output is too large for a message: the answer refers to it in the object store.
    const { outputRef = await blobs.put(data) } = ended;
    const reference = encodeJson({ outputRef, bytes: data.length });
    return { data: reference, headers: { [HEADERS.run]: run, [HEADERS.output]: "ref" } };
  } catch (error) {
    return errorAnswer(error, run, bus.maxPayload);
  }
}

/** An error as an answer. It is always short enough to be sent, also if its message quotes a caller's input. */
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
      // A header is a single line.
      [HEADERS.error]: known.message.replaceAll(/[\r\n]+/g, " ").slice(0, SHORT_CHARACTERS),
      ...(named && { [HEADERS.run]: named.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 100) }),
    },
  };
}

const MOST_ERROR_BYTES = 256 * 1024;
/**
 * The length to which an error's message is cut in the header, and in the body if the whole does not fit into a
 * message.
 */
const SHORT_CHARACTERS = 300;
/** The largest size of an answer's headers: a cut message, with up to three bytes per character, and the run's id. */
const HEADER_ROOM = 1280;
