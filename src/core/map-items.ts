import { atPointer, type Json } from "./json.ts";
import { show } from "./problem.ts";

/** What a map cannot be expanded over, and why. */
export class UnmappableInput extends Error {
  override readonly name = "UnmappableInput";
}

/**
 * What a map's children are given, by their places. Nothing is copied before a child is asked for: a map may be over a
 * hundred thousand items.
 */
export interface MapItems {
  /** Children. */
  readonly size: number;
  /** The item of one child: of a batch, the array of its items. */
  readonly at: (index: number) => Json;
}

/** Items of an array, or of an object of arrays of one length, which are zipped. Throws an {@link UnmappableInput}. */
export function readItems(value: Json, batch?: number): MapItems {
  const single = Array.isArray(value) ? { size: value.length, at: (index: number): Json => value[index] } : zip(value);
  if (batch === undefined) return single;
  return {
    size: Math.ceil(single.size / batch),
    at: (index) => {
      const first = index * batch;
      return Array.from({ length: Math.min(batch, single.size - first) }, (_, place) => single.at(first + place));
    },
  };
}

function zip(value: Json): MapItems {
  if (value === null || typeof value !== "object" || Object.keys(value).length === 0)
    throw new UnmappableInput(`expected an array, or an object of arrays, received ${show(value)}`);
  const lists = Object.entries(value as { readonly [key: string]: Json });
  for (const [field, list] of lists)
    if (!Array.isArray(list)) throw new UnmappableInput(`expected an array in ${field}, received ${show(list)}`);
  const [first, ...others] = lists as [string, readonly Json[]][];
  const size = first![1].length;
  for (const [field, list] of others)
    if (list.length !== size)
      throw new UnmappableInput(
        `expected arrays of one length, received ${size} in ${first![0]} and ${list.length} in ${field}`,
      );
  return {
    size,
    at: (index) => Object.fromEntries(lists.map(([field, list]) => [field, (list as readonly Json[])[index]!])),
  };
}

/** The labels of the items, which are unique. Throws an {@link UnmappableInput}. */
export function readLabels({ size, at }: MapItems, pointer: string): string[] {
  const places = new Map<string, number>();
  for (let index = 0; index < size; index++) {
    const label = atPointer(at(index), pointer);
    if (typeof label !== "string" && typeof label !== "number")
      throw new UnmappableInput(`expected a text or a number at ${pointer} of item ${index}, received ${show(label)}`);
    const before = places.get(String(label));
    if (before !== undefined)
      throw new UnmappableInput(
        `expected labels that are unique, received ${show(label)} for items ${before} and ${index}`,
      );
    places.set(String(label), index);
  }
  return [...places.keys()];
}
