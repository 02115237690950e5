import { TerminalError } from "../../core/error.ts";
import type { Json } from "../../core/json.ts";
import { resolveInput } from "../../core/reference.ts";
import type { TaskMessage } from "../../core/task-message.ts";
import type { HandlerContext } from "../../define/worker.ts";
import type { BlobStore } from "../host/blobs.ts";

/** What a task gives its handler, before it is validated. */
export interface Given {
  readonly input: unknown;
  readonly needs: HandlerContext["needs"];
}

const FETCHED_AT_ONCE = 8;

/** Where the message holds all of it. */
export function givenIn(message: TaskMessage): Given | undefined {
  const { input, needs = {}, inputRef, needsRef, parts, partsRef } = message;
  const isWhole = inputRef === undefined && needsRef === undefined && parts === undefined && partsRef === undefined;
  return isWhole ? { input, needs } : undefined;
}

/** Fetches what the message only refers to. Rejects with a TerminalError for what is gone, or leads nowhere. */
export async function fetchGiven(blobs: BlobStore, message: TaskMessage): Promise<Given> {
  const { inputRef, needsRef, partsRef } = message;
  const input = inputRef === undefined ? message.input : await blobs.getJson(inputRef);
  const needs = (needsRef === undefined ? message.needs : await blobs.getJson(needsRef)) ?? {};
  const parts = partsRef === undefined ? message.parts : ((await blobs.getJson(partsRef)) as TaskMessage["parts"]);
  if (!parts) return { input, needs: needs as Given["needs"] };
  const outputs = new Map<string, Json>();
  const left = Object.entries(parts).values();
  const fetchAll = async () => {
    for (const [key, part] of left) outputs.set(key, "ref" in part ? await blobs.getJson(part.ref) : part.value);
  };
  await Promise.all(Array.from({ length: FETCHED_AT_ONCE }, fetchAll));
  try {
    const resolve = (value: Json) => resolveInput(value, (key) => outputs.get(key));
    return { input: resolve(input ?? {}), needs: resolve(needs as Json) as Given["needs"] };
  } catch (error) {
    throw new TerminalError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
