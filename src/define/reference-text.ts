import { CONTEXT_NAMES } from "../core/expression.ts";
import type { Json } from "../core/json.ts";

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
export function pathOf(text: string): string {
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
