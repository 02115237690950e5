import type { TaskError } from "../../core/error.ts";
import { encodeText } from "../../core/json.ts";
import type { BlobStore } from "../host/blobs.ts";

/** An error's message is cut to this where the whole does not fit into a message of the bus. */
const SHORT_CHARACTERS = 300;

/**
 * The outcome of an attempt in less room, for a bus that takes less than when it was encoded: an output or a plan by
 * reference, an error with a short message. What cannot be made smaller becomes a terminal error that says why.
 */
export async function shrinkOutcome(blobs: BlobStore, json: string, problem: string): Promise<string> {
  for (const field of ["output", "plan"]) {
    const head = `"${field}":`;
    if (json.startsWith(head)) return `"${field}Ref":"${await blobs.put(encodeText(json.slice(head.length)))}"`;
  }
  const { error, why, ...moments } = JSON.parse(`{${json}}`) as { error?: TaskError; why?: string };
  if (why !== undefined && why.length > SHORT_CHARACTERS)
    return JSON.stringify({ why: `${why.slice(0, SHORT_CHARACTERS)}…`, ...moments }).slice(1, -1);
  if (error && !error.message.startsWith(TOO_LARGE)) {
    const { kind, message, retryAfterMs, policy } = error;
    const short = message.length > SHORT_CHARACTERS ? `${message.slice(0, SHORT_CHARACTERS)}…` : message;
    const text = errorText({
      kind,
      message: short,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
      ...(policy && { policy }),
    });
    if (text !== json) return text;
  }
  return errorText({ kind: "terminal", message: `${TOO_LARGE}: ${problem}` });
}

const TOO_LARGE = "the result is too large for a message";

const errorText = (error: TaskError): string => `"error":${JSON.stringify(error)}`;
