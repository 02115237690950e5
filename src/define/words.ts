import { TuttiError } from "../core/error.ts";
import type { Json } from "../core/json.ts";
import type { Ref } from "./reference.ts";
import { pathOf, templateOf } from "./reference-text.ts";
import { type TakeReference, Word } from "./word.ts";

class Default extends Word {
  readonly #reference: object;
  readonly #fallback: unknown;

  constructor(reference: object, fallback: unknown) {
    super();
    this.#reference = reference;
    this.#fallback = fallback;
  }

  toWire(take: TakeReference, write: (value: unknown) => Json): Json {
    const text = take(this.#reference, true);
    const word = text === undefined ? undefined : templateOf(text);
    if (word && ("$ref" in word || "$item" in word)) return { ...word, default: write(this.#fallback) };
    throw new TuttiError(
      400,
      "orElse: expected a reference to an output, an item or a plan's input, received something else",
    );
  }
}

/**
 * A reference, or another value where there is none: the task was skipped, or the field is absent.
 *
 * @example
 * ```ts
 * p.task(print, { line: orElse(summary.output.text, "no summary") });
 * ```
 */
export const orElse = <T, const D>(reference: Ref<T>, fallback: D): Ref<Exclude<T, undefined> | D> =>
  new Default(reference, fallback) as unknown as Ref<Exclude<T, undefined> | D>;

/**
 * An expression in CEL. It is a condition (`when`, `until`, …), or, in an input, the value that it comes to.
 */
export class Expression extends Word {
  readonly #texts: readonly string[];
  readonly #values: readonly unknown[];

  constructor(texts: readonly string[], values: readonly unknown[]) {
    super();
    this.#texts = texts;
    this.#values = values;
  }

  toWire(take: TakeReference): Json {
    return { $expr: this.write(take) };
  }

  /** The text of the expression. */
  write(take: TakeReference): string {
    return this.#texts.reduce((text, next, index) => `${text}${writeValue(this.#values[index - 1], take)}${next}`);
  }
}

function writeValue(value: unknown, take: TakeReference): string {
  const text = typeof value === "object" && value !== null ? take(value, true) : undefined;
  if (text !== undefined) return pathOf(text);
  if (value instanceof Expression) return `(${value.write(take)})`;
  const json = JSON.stringify(value);
  if (json === undefined)
    throw new TuttiError(400, `cel: expected references and JSON between its texts, received ${typeof value}`);
  return json;
}

/**
 * Writes an expression in CEL, with references and values in it.
 *
 * @example
 * ```ts
 * const good = cel`${score.output.mean} > 0.5 && size(${parts.output}) < ${limit}`;
 * p.task(praise, { mean: score.output.mean }, { when: good });
 * ```
 */
export const cel = <T = unknown>(texts: TemplateStringsArray, ...values: readonly unknown[]): Expression & Ref<T> =>
  new Expression(texts, values) as Expression & Ref<T>;
