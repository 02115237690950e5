import type { RequestRefused } from "./failure.ts";

/**
 * What each model of an endpoint has refused. Reasoning models take no temperature, old servers no `stream_options`,
 * and the limit of tokens has two names; no endpoint says so beforehand, so it is learnt from the refusal, once a process.
 */
export class ParameterMemory {
  readonly #optional: readonly string[];
  readonly #refused = new Map<string, Set<string>>();

  /** @param optional parameters that a request can do without, or under another name */
  constructor(optional: readonly string[]) {
    this.#optional = optional;
  }

  refusedBy(model: string): ReadonlySet<string> {
    return this.#refused.get(model) ?? NONE;
  }

  /** Remembers which parameter of `sent` was refused. Undefined when the refusal is about none that can be left out. */
  learn(refusal: RequestRefused, sent: { readonly model: string }): string | undefined {
    if (refusal.status !== 400 && refusal.status !== 422) return undefined;
    const found = this.#optional.find((name) => name in sent && new RegExp(`\\b${name}\\b`).test(refusal.about));
    if (!found) return undefined;
    const refused = this.#refused.get(sent.model) ?? new Set();
    this.#refused.set(sent.model, refused.add(found));
    return found;
  }
}

const NONE: ReadonlySet<string> = new Set();
