import { encodeJson, type Json } from "../../core/json.ts";
import type { BlobStore } from "../host/blobs.ts";

/** The length to which the texts of errors are cut if an event does not fit into a message. */
const SHORT_CHARACTERS = 300;

interface Shrinkable {
  readonly output?: Json;
  readonly status?: string;
  readonly error?: { readonly message: string };
  readonly results?: readonly object[];
  readonly decisions?: readonly { readonly task: string; readonly attempt: number; readonly answers?: unknown }[];
}

/**
 * Makes the body of an event smaller, because the bus does not accept it: an output goes by reference, the texts of
 * errors are cut, and a decision or an end is replaced by one that says why it could not be stored. Resolves with
 * undefined when it cannot be made smaller.
 */
export async function shrinkEvent(blobs: BlobStore, body: object, problem: string): Promise<object | undefined> {
  const { output, ...rest } = body as Shrinkable;
  if (output !== undefined) return { ...rest, outputRef: await blobs.put(encodeJson(output)) };
  const { decisions, error, status, ...others } = rest;
  if (decisions) return withoutLargest(rest, decisions, problem);
  const cut = cutErrors(body, false) as object;
  if (encodeJson(cut).length < encodeJson(body).length) return cut;
  if (status === undefined || error?.message.startsWith(TOO_LARGE)) return undefined;
  const message = `${TOO_LARGE}: ${problem}`.slice(0, SHORT_CHARACTERS);
  return { ...others, status: "failed", error: { code: 500, message } };
}

const TOO_LARGE = "the end of the run is too large for a message";

/** Replaces the largest of the decisions by a failed one. */
function withoutLargest(
  body: object,
  decisions: NonNullable<Shrinkable["decisions"]>,
  problem: string,
): object | undefined {
  const sizes = decisions.map((one) => (one.answers === undefined ? 0 : encodeJson(one).length));
  const largest = sizes.indexOf(Math.max(...sizes));
  const at = decisions[largest];
  if (!at || sizes[largest] === 0) return undefined;
  const failed = { task: at.task, attempt: at.attempt, error: `the values are too large for a message: ${problem}` };
  return { ...body, decisions: decisions.with(largest, failed as (typeof decisions)[number]) };
}

/** The fields that identify tasks, which are not cut. */
const WHOLE: ReadonlySet<string> = new Set(["task", "path", "run"]);

function cutErrors(value: unknown, isInError: boolean): unknown {
  if (typeof value === "string")
    return isInError && value.length > SHORT_CHARACTERS ? `${value.slice(0, SHORT_CHARACTERS - 1)}…` : value;
  if (Array.isArray(value)) return value.map((one) => cutErrors(one, isInError));
  if (typeof value !== "object" || value === null) return value;
  const cut = ([key, field]: [string, unknown]) =>
    [key, WHOLE.has(key) ? field : cutErrors(field, isInError || key === "error")] as const;
  return Object.fromEntries(Object.entries(value).map(cut));
}
