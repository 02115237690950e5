import type { Json } from "../../core/json.ts";
import { isOwnersType } from "../../core/names.ts";
import { blobRef } from "../../core/stored.ts";

/** A reference to a blob in the body of an event. */
export interface BlobReference {
  readonly ref: string;
  /** Whether the fold needs the content; otherwise it is read when it is used. */
  readonly isFolded: boolean;
  /** Puts the content in place of the reference. */
  replace(content: Json): void;
}

/**
 * The references in the body of an event, which may not have been checked. The blobs must be kept as long as the event.
 */
export function blobsOf(event: string, body: unknown): BlobReference[] {
  const fields = (typeof body === "object" && body !== null ? body : {}) as Fields;
  switch (event) {
    case "submitted":
      // The fold itself carries out a plan that was sent as a request.
      return referenceIn(fields, "inputRef", "input", Number(fields.v) > 1 && isOwnersType(String(fields.type)));
    case "planned":
      return referenceIn(fields, "planRef", "plan", true);
    case "replan":
      return referenceIn(fields, "changeRef", "change", true);
    case "signal":
      return referenceIn(fields, "dataRef", "data", false);
    case "answered":
    case "mark":
      return referenceIn(fields, "outputRef", "output", false);
    case "result":
      return (Array.isArray(fields.results) ? (fields.results as (Fields | null)[]) : []).flatMap((one) => [
        ...referenceIn(one, "planRef", "plan", true),
        ...referenceIn(one, "outputRef", "output", false),
      ]);
    case "decided":
      return (Array.isArray(fields.decisions) ? (fields.decisions as (Fields | null)[]) : []).flatMap((one) => [
        ...referenceIn(one, "labelsRef", "labels", true),
        ...referenceIn(one, "inputRef", "input", true),
      ]);
    default:
      return NONE;
  }
}

export const isBlobRef = (value: unknown): boolean => blobRef.safeParse(value).success;

type Fields = { [field: string]: unknown };
const NONE: BlobReference[] = [];

function referenceIn(fields: Fields | null, field: string, content: string, isFolded: boolean): BlobReference[] {
  const ref = fields?.[field];
  if (ref === undefined || !isBlobRef(ref)) return NONE;
  const replace = (value: Json) => {
    fields![content] = value;
    delete fields![field];
  };
  return [{ ref: ref as string, isFolded, replace }];
}
