import { atPointer, isNestedDeeper, type Json, MAX_NESTING, toPointer } from "./json.ts";
import { BrokenReference, isPointer, parseReference } from "./reference.ts";

/**
 * Templates: JSON in which objects of a few words stand for values that are not known yet. A plan of version 2 has them in
 * inputs, in its output, and wherever else it says so. Version 1 knows `$ref` and `$literal` alone: see `reference.ts`.
 */
export type Word =
  /** `{"$ref": "key#/pointer", "default"?}`: a sibling's output. Without a key, the input that the plan was given. */
  | {
      readonly word: "$ref";
      readonly key: string;
      readonly pointer: string;
      readonly text: string;
      readonly default?: Json;
    }
  /** `{"$outcome": "key"}`: how a sibling has come out. */
  | { readonly word: "$outcome"; readonly key: string }
  /** `{"$expr": "CEL"}` */
  | { readonly word: "$expr"; readonly text: string }
  /** `{"$item": "/pointer", "default"?}`: the item of a map. */
  | { readonly word: "$item"; readonly pointer: string; readonly default?: Json }
  /** `{"$index": true}`: the place of the item. */
  | { readonly word: "$index" }
  /** `{"$literal": …}`: the JSON inside, as it stands. */
  | { readonly word: "$literal"; readonly value: Json };

/** What is wrong with an object that has one of the words: `at` is a pointer from the object. */
export interface Malformed {
  readonly at: string;
  readonly expected: string;
  readonly received: unknown;
}

type Fields = { readonly [key: string]: Json };

const WORDS = ["$ref", "$outcome", "$expr", "$item", "$index", "$literal"] as const;
/** The words beside which there may be a `default`. */
const WITH_DEFAULT: readonly string[] = ["$ref", "$item"];

/** The word that an object is, if it is one. */
export function wordOf(value: object): Word | Malformed | undefined {
  const word = WORDS.find((one) => Object.hasOwn(value, one));
  return word && readWord(word, value as Fields);
}

export const isMalformed = (word: Word | Malformed): word is Malformed => "expected" in word;

function readWord(word: (typeof WORDS)[number], fields: Fields): Word | Malformed {
  for (const field in fields)
    if (field !== word && !(field === "default" && WITH_DEFAULT.includes(word)))
      return malformed(
        `/${field}`,
        `nothing else beside ${word}; data that has such a field goes into $literal`,
        fields[field],
      );
  const value = fields[word]!;
  const fallback = Object.hasOwn(fields, "default") ? { default: fields.default! } : {};
  switch (word) {
    case "$ref":
      return readReference(value, fallback);
    case "$outcome":
      return typeof value === "string" ? { word, key: value } : malformed(`/${word}`, "the key of a task", value);
    case "$expr":
      return typeof value === "string"
        ? { word, text: value }
        : malformed(`/${word}`, "an expression in CEL, as a text", value);
    case "$item":
      return typeof value === "string" && isPointer(value)
        ? { word, pointer: value, ...fallback }
        : malformed(`/${word}`, 'a JSON pointer into the item, such as "/name", or "" for all of it', value);
    case "$index":
      return value === true ? { word } : malformed(`/${word}`, "true", value);
    case "$literal":
      return { word, value };
  }
}

function readReference(value: Json, fallback: { default?: Json }): Word | Malformed {
  if (typeof value !== "string") return malformed("/$ref", 'the text "<key>#/pointer"; data goes into $literal', value);
  const { key, pointer } = parseReference(value);
  if (key === "" && !value.startsWith("#")) return malformed("/$ref", 'a key, or "#" for the input of the plan', value);
  if (!isPointer(pointer)) return malformed("/$ref", "nothing or a JSON pointer, which begins with /, after #", value);
  return { word: "$ref", key, pointer, text: value, ...fallback };
}

const malformed = (at: string, expected: string, received: unknown): Malformed => ({ at, expected, received });

/** A word that stands for something else than itself. */
export type TemplateWord = Exclude<Word, { word: "$literal" }>;

/** What is reported of a template. `path()` is the JSON pointer into the template, good for the time of the call. */
export interface TemplateVisitor {
  found(word: TemplateWord, path: () => string): void;
  malformed(what: Malformed, path: () => string): void;
  /** What is nested deeper than {@link MAX_NESTING} is not looked into. */
  tooDeep(path: () => string): void;
}

export function visitTemplate(template: Json, visitor: TemplateVisitor): void {
  const trail: (string | number)[] = [];
  visit(template, visitor, trail, () => toPointer(trail));
}

function visit(value: Json, visitor: TemplateVisitor, trail: (string | number)[], path: () => string): void {
  if (value === null || typeof value !== "object") return;
  if (trail.length >= MAX_NESTING) return visitor.tooDeep(path);
  const enter = (token: string | number, item: Json) => {
    trail.push(token);
    visit(item, visitor, trail, path);
    trail.pop();
  };
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) enter(i, value[i]);
    return;
  }
  const word = wordOf(value);
  if (!word) {
    for (const field in value) enter(field, (value as Fields)[field]!);
    return;
  }
  if (isMalformed(word)) return visitor.malformed(word, path);
  if (word.word === "$literal") {
    if (isNestedDeeper(word.value, MAX_NESTING - trail.length - 1)) visitor.tooDeep(path);
    return;
  }
  visitor.found(word, path);
  if ("default" in word) enter("default", word.default!);
}

/** What the words of a template stand for. Undefined: there is no such value, and the default counts. */
export interface TemplateValues {
  output(key: string): Json | undefined;
  outcome(key: string): Json;
  /** The answer to an expression, by its text. */
  expression(text: string): Json;
  /** The input that the plan was given. */
  readonly input: Json | undefined;
  readonly item?: Json;
  readonly index?: number;
  /** What stands for an output that never came, where there is no default. Absent: nothing does. */
  readonly missing?: Json;
}

/**
 * The template with every word replaced; parts without any are shared, not copied. Throws {@link BrokenReference} for a
 * reference that leads nowhere and has no default. The template must have passed its check.
 */
export function resolveTemplate(template: Json, values: TemplateValues): Json {
  if (template === null || typeof template !== "object") return template;
  if (Array.isArray(template)) return resolveItems(template, values);
  const word = wordOf(template);
  if (word && !isMalformed(word)) return resolveWord(word, values);
  let copy: Record<string, Json> | undefined;
  for (const [field, item] of Object.entries(template as Fields)) {
    const resolved = resolveTemplate(item, values);
    if (resolved === item) continue;
    copy ??= { ...(template as Fields) };
    copy[field] = resolved;
  }
  return copy ?? template;
}

function resolveItems(items: readonly Json[], values: TemplateValues): readonly Json[] {
  let copy: Json[] | undefined;
  for (let i = 0; i < items.length; i++) {
    const resolved = resolveTemplate(items[i]!, values);
    if (resolved === items[i]) continue;
    copy ??= [...items];
    copy[i] = resolved;
  }
  return copy ?? items;
}

function resolveWord(word: Word, values: TemplateValues): Json {
  switch (word.word) {
    case "$literal":
      return word.value;
    case "$outcome":
      return values.outcome(word.key);
    case "$expr":
      return values.expression(word.text);
    case "$index":
      return expectValue(values.index, "the item's place", word, values);
    case "$item":
      return expectValue(follow(values.item, word.pointer), `the item at ${word.pointer || "its root"}`, word, values);
    case "$ref": {
      const whole = word.key === "" ? values.input : values.output(word.key);
      if (whole === undefined && values.missing !== undefined && !("default" in word)) return values.missing;
      const where = word.key === "" ? "the plan's input" : `the output of ${word.key}`;
      return expectValue(follow(whole, word.pointer), `the reference ${word.text}, in ${where},`, word, values);
    }
  }
}

const follow = (whole: Json | undefined, pointer: string): Json | undefined =>
  whole === undefined ? undefined : atPointer(whole, pointer);

function expectValue(value: Json | undefined, what: string, word: object, values: TemplateValues): Json {
  if (value !== undefined) return value;
  if ("default" in word) return resolveTemplate(word.default as Json, values);
  throw new BrokenReference(`${what} leads nowhere`);
}
