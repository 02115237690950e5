import type { Json } from "../core/json.ts";

/** What stands in an input for a value that is made of references: it is written down with the input that takes it. */
export abstract class Word {
  /** `take` gives the text of a reference that this plan may use; `write` writes down a value inside. */
  abstract toWire(take: TakeReference, write: (value: unknown) => Json): Json;
}
export type TakeReference = (value: object, mayBeAbsent: boolean) => string | undefined;
