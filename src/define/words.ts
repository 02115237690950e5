import { TuttiError } from "../core/error.ts";
import { CONTEXT_NAMES } from "../core/expression.ts";
import type { Json } from "../core/json.ts";
import type { Ref } from "./reference.ts";

/** What stands in an input for a value that is made of references: it is written down with the input that takes it. */
export abstract class Word {
  /** `take` gives the text of a reference that this plan may use; `write` writes down a value inside. */
  abstract toWire(take: TakeReference, write: (value: unknown) => Json): Json;
}
export type TakeReference = (value: object, mayBeAbsent: boolean) => string | undefined;

/** Where references lead to besides outputs, as the first part of their texts: keys cannot look like these. */
export const ITEM = "$item";
export const INDEX = "$index";
export const OUTCOME = "$outcome:";

/** A reference as it stands in a template, by its text. */
export function templateOf(text: string): { readonly [word: string]: Json } {
  const [root, pointer] = splitText(text);
  if (root === ITEM) return { $item: pointer };
  if (root === INDEX) return { $index: true };
  if (!root.startsWith(OUTCOME)) return { $ref: text };
  // A template names an outcome as a whole; an expression reaches into it.
  return pointer === "" ? { $outcome: root.slice(OUTCOME.length) } : { $expr: pathOf(text) };
}

/** A reference as it stands in an expression. */
function pathOf(text: string): string {
  const [root, pointer] = splitText(text);
  const fields = pointer.split("/").slice(1).map(unescapeToken).map(accessTo).join("");
  return `${rootOf(root)}${fields}`;
}

function rootOf(root: string): string {
  if (root === "") return "input";
  if (root === ITEM || root === INDEX) return root.slice(1);
  if (root.startsWith(OUTCOME)) return `tasks[${JSON.stringify(root.slice(OUTCOME.length))}]`;
  return isIdentifier(root) && !NAMES.includes(root) ? root : `tasks[${JSON.stringify(root)}].output`;
}

/** What an identifier in an expression does not mean a task by. */
const NAMES: readonly string[] = [
  ...[...CONTEXT_NAMES, "tasks", "true", "false", "null", "in", "cel"],
  ...["as", "break", "const", "continue", "else", "for", "function", "if", "import", "let"],
  ...["loop", "package", "namespace", "return", "var", "void", "while"],
];
const isIdentifier = (text: string): boolean => /^[A-Za-z_][A-Za-z0-9_]*$/.test(text);
const unescapeToken = (token: string): string => token.replaceAll("~1", "/").replaceAll("~0", "~");

function accessTo(field: string): string {
  if (/^(?:0|[1-9]\d*)$/.test(field)) return `[${field}]`;
  return isIdentifier(field) && !NAMES.includes(field) ? `.${field}` : `[${JSON.stringify(field)}]`;
}

const splitText = (text: string): [root: string, pointer: string] => {
  const hash = text.indexOf("#");
  return [text.slice(0, hash), text.slice(hash + 1)];
};

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
