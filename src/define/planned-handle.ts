import type { z } from "zod";
import { UNKNOWN_FIELD } from "./output-field.ts";
import type { Draft } from "./plan-of.ts";
import { createReference } from "./reference.ts";
import { OUTCOME } from "./reference-text.ts";

/** A task of a plan that is being written down. Its types are its author's: see `TaskHandle`. */
export class PlannedHandle {
  readonly key: string;
  readonly #draft: Draft;
  readonly #output: z.ZodType | undefined;

  constructor(key: string, draft: Draft, output: z.ZodType | undefined) {
    this.key = key;
    this.#draft = draft;
    this.#output = output;
  }

  isOf(draft: Draft): boolean {
    return this.#draft === draft;
  }

  /** A new one whenever it is asked for, so that each use is seen. */
  get output(): object {
    return createReference(this.key, this.#output, this.#draft.references);
  }

  get outcome(): object {
    return refer(`${OUTCOME}${this.key}`, this.#draft);
  }
}

/** A reference to something that no contract describes: an outcome, an item, the input of a plan. */
export const refer = (root: string, { references }: Draft): object => references.refer(`${root}#`, UNKNOWN_FIELD);
