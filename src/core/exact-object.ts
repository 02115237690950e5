import { z } from "zod";
import { nearest } from "./nearest.ts";

/**
 * An object of these fields and no others; of an unknown one the message says which there are, and which is near.
 *
 * A message for each unknown field, one a line: zod reports them together, and `problemsOf` takes them apart.
 */
export function exactObject<T extends z.core.$ZodLooseShape>(shape: T) {
  const fields = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? (issue.keys as string[]).map((key) => describeUnknownField(key, fields)).join("\n")
        : undefined,
  });
}

export function describeUnknownField(field: string, known: readonly string[]): string {
  const near = nearest(field, known);
  return `expected one of the fields ${known.join(", ")}${near ? ` (did you mean ${near}?)` : ""}`;
}
