import { encodeJson, type Json } from "../../core/json.ts";
import type { BlobStore } from "../host/blobs.ts";

/** An error's texts are cut to this where the whole does not fit into a message of the bus. */
const SHORT_CHARACTERS = 300;

interface Shrinkable {
  readonly output?: Json;
  readonly status?: string;
  readonly error?: { readonly message: string };
  readonly results?: readonly object[];
  readonly decisions?: readonly { readonly task: string; readonly attempt: number; readonly answers?: unknown }[];
}

/**
 * The body of an event in less room, for a bus that takes less than it has: an output by reference, the texts of errors cut,
 * a decision or an end that says why it could not be stored. Undefined when it cannot be made any smaller.
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

/** The largest of the decisions becomes one that failed. */
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

/** What tasks are found by stays whole. */
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
