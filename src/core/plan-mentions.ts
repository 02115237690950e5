import { CONTEXT_NAMES, compileExpression, type Expression, type Mention } from "./expression.ts";
import { ExpressionError } from "./expression-syntax.ts";
import { type Json, MAX_NESTING } from "./json.ts";
import { nearest } from "./nearest.ts";
import type { ProblemList } from "./problem.ts";
import { type TemplateWord, visitTemplate } from "./template.ts";

/** How a sibling is named: by its output, by its output with a default for when there is none, or by how it came out. */
export type Manner = "output" | "default" | "outcome";

/** A template or an expression of a plan, and what it may name. */
export interface MentionPlace {
  /** Its JSON pointer in the whole plan. */
  readonly at: () => string;
  /** The keys of the plan's tasks. */
  readonly keys: readonly string[];
  /** Takes note of a named task. False: there is none of that key that may be named here. A text: what was expected instead. */
  readonly task: (key: string, manner: Manner) => boolean | string;
  /** The input that the plan was given is named. */
  readonly planInput: () => void;
  /** The item of a map, or its place, is named. Absent where there is none. */
  readonly item?: (() => void) | undefined;
  /** Whether there is a message, which a wait has received. */
  readonly hasMessage?: boolean;
}

const SIBLING = "the key of another task of this plan";
/** In a larger plan the nearest key is not looked for: it would take too long. */
const MOST_COMPARED = 1000;

/** Reads templates and expressions for what they name, and refuses what is wrong with them. One for a plan and those inside. */
export class MentionReader {
  readonly #problems: ProblemList;
  /** Those that can be read, by their text. */
  readonly expressions = new Map<string, Expression>();
  readonly #unreadable = new Map<string, ExpressionError>();

  constructor(problems: ProblemList) {
    this.#problems = problems;
  }

  readTemplate(template: Json, place: MentionPlace): void {
    const { at } = place;
    visitTemplate(template, {
      found: (word, path) => this.#readWord(word, { ...place, at: () => `${at()}${path()}/${word.word}` }),
      malformed: (what, path) => this.#problems.expected(at() + path() + what.at, what.expected, what.received),
      tooDeep: (path) => this.#problems.expected(at() + path(), `at most ${MAX_NESTING} levels of nesting`, "more"),
    });
  }

  /** Undefined when it cannot be read. */
  readExpression(text: string, place: MentionPlace): Expression | undefined {
    const expression = this.#compile(text);
    if (expression instanceof ExpressionError) {
      this.#refuse(expression.message, text, place);
      return undefined;
    }
    for (const mention of expression.mentions) this.#readMention(mention, text, place);
    return expression;
  }

  #compile(text: string): Expression | ExpressionError {
    const known = this.expressions.get(text) ?? this.#unreadable.get(text);
    if (known) return known;
    try {
      const compiled = compileExpression(text);
      this.expressions.set(text, compiled);
      return compiled;
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      this.#unreadable.set(text, error);
      return error;
    }
  }

  #readWord(word: TemplateWord, place: MentionPlace): void {
    switch (word.word) {
      case "$ref":
        if (word.key === "") return place.planInput();
        return this.#name(
          word.key,
          "default" in word ? "default" : "output",
          `"<key>#/pointer" with ${SIBLING}`,
          word.text,
          place,
        );
      case "$outcome":
        return this.#name(word.key, "outcome", SIBLING, word.key, place);
      case "$expr":
        this.readExpression(word.text, place);
        return;
      case "$item":
      case "$index":
        if (place.item) return place.item();
        return this.#problems.expected(place.at(), `${word.word} only for the items of a map`, word.word);
    }
  }

  #readMention(mention: Mention, text: string, place: MentionPlace): void {
    const where = `(at character ${mention.at + 1})`;
    switch (mention.what) {
      case "output":
        return this.#name(
          mention.key,
          "output",
          `${SIBLING}, or one of ${CONTEXT_NAMES.join(", ")} ${where}`,
          mention.key,
          place,
        );
      case "outcome":
        return this.#name(mention.key, "outcome", `${SIBLING} ${where}`, mention.key, place);
      case "input":
        return place.planInput();
      case "run":
        return;
      case "message":
        if (!place.hasMessage) this.#refuse(`expected message only in the match of a wait ${where}`, text, place);
        return;
      default:
        if (place.item) return place.item();
        return this.#refuse(`expected ${mention.what} only for the items of a map ${where}`, text, place);
    }
  }

  #name(key: string, manner: Manner, sibling: string, received: string, { task, keys, at }: MentionPlace): void {
    const named = task(key, manner);
    if (named === true) return;
    this.#problems.add(() => {
      const near = named === false && keys.length <= MOST_COMPARED ? nearest(key, keys) : undefined;
      const hint = near !== undefined && near !== key ? ` (did you mean ${near}?)` : "";
      const expected = named === false ? `${sibling}${hint}` : named;
      return { path: at(), message: `expected ${expected}`, expected, received: JSON.stringify(received) };
    });
  }

  /** `message` begins with "expected". */
  #refuse(message: string, received: string, { at }: MentionPlace): void {
    const expected = message.slice("expected ".length).split(", received")[0]!;
    this.#problems.add(() => ({ path: at(), message, expected, received: JSON.stringify(received) }));
  }
}
