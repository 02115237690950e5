import { evaluate, type Values } from "./expression-evaluation.ts";
import { ExpressionError, type Node, readExpression } from "./expression-syntax.ts";
import type { Json } from "./json.ts";
import { nearest } from "./nearest.ts";

/**
 * Expressions of a plan, in CEL (https://cel.dev): `score.mean > 0.5 && tasks["my-key"].state == "succeeded"`.
 *
 * They are evaluated beside the fold, so that all they can cost is bounded: the length of the text, the nesting of macros,
 * the steps of an evaluation and the size of its result. There are no regular expressions, nothing is asynchronous, and a
 * name or field that is not there is an error. Numbers are JSON's: `7 / 2` is 3.5.
 */
export interface Expression {
  readonly text: string;
  /** What it names of the plan, each mention with its place in the text. */
  readonly mentions: readonly Mention[];
  /** Throws an {@link ExpressionError}. The result is JSON, of bounded size. */
  evaluate(values: Values): Json;
}

export type Mention = { readonly at: number } /** A sibling's output, by its key. */ & (
  | { readonly what: "output"; readonly key: string }
  /** `tasks["key"]`, how a sibling has come out. */
  | { readonly what: "outcome"; readonly key: string }
  | { readonly what: ContextName; readonly field?: string }
);

/** Names that stand for something else than a sibling; a sibling of such a key is `tasks["key"].output`. */
export const CONTEXT_NAMES = ["input", "run", "item", "index", "message"] as const;
export type ContextName = (typeof CONTEXT_NAMES)[number];

/** The fields of `tasks["key"]`, and of an `$outcome`. */
export const OUTCOME_FIELDS = ["state", "output", "error"] as const;
/** The fields of `run`. */
export const RUN_FIELDS = ["id", "tenant", "type", "priority", "submittedAt"] as const;

/** Reads an expression, and finds what it names. Throws an {@link ExpressionError}. */
export function compileExpression(text: string): Expression {
  const root = readExpression(text);
  const mentions: Mention[] = [];
  findMentions(root, mentions);
  return { text, mentions, evaluate: (values) => evaluate(root, values) };
}

function findMentions(node: Node, into: Mention[]): void {
  if (node.kind === "name") return void into.push(mentionOf(node));
  if (node.kind === "outcome") return void into.push({ what: "outcome", key: node.key, at: node.at });
  if (node.kind === "field" || node.kind === "has") checkField(node);
  for (const inner of partsOf(node)) findMentions(inner, into);
}

function mentionOf({ name, at }: { name: string; at: number }): Mention {
  const context = CONTEXT_NAMES.find((one) => one === name);
  if (context) return { what: context, at };
  if (name === "tasks") throw new ExpressionError('expected tasks["key"], received tasks alone', at);
  return { what: "output", key: name, at };
}

/** Fields that are the same in every plan: a misspelt one is found before anything runs. */
function checkField({ of, field, at }: { of: Node; field: string; at: number }): void {
  if (of.kind === "outcome") expectField(`tasks["${of.key}"]`, field, OUTCOME_FIELDS, at);
  if (of.kind === "name" && of.name === "run") expectField("run", field, RUN_FIELDS, at);
}

function expectField(what: string, field: string, known: readonly string[], at: number): void {
  if (known.includes(field)) return;
  const near = nearest(field, known);
  const suggestion = near ? `; did you mean ${near}?` : "";
  throw new ExpressionError(`expected a field of ${what}: ${known.join(", ")}, received ${field}${suggestion}`, at);
}

function partsOf(node: Node): readonly Node[] {
  switch (node.kind) {
    case "literal":
    case "name":
    case "variable":
    case "outcome":
      return [];
    case "field":
    case "has":
    case "not":
    case "negative":
      return [node.of];
    case "element":
      return [node.of, node.index];
    case "and":
    case "or":
    case "binary":
      return [node.left, node.right];
    case "choice":
      return [node.test, node.yes, node.no];
    case "list":
      return node.items;
    case "object":
      return node.fields.flat();
    case "macro":
      return node.where ? [node.of, node.where, node.body] : [node.of, node.body];
    case "call":
      return node.args;
  }
}
