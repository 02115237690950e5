import type { Expression } from "../core/expression.ts";
import type { Json } from "../core/json.ts";
import { visitTemplate } from "../core/template.ts";

/** The tasks that a template names, by their keys; the empty one is the plan's input. */
export function keysIn(template: Json, expressions: ReadonlyMap<string, Expression>): ReadonlySet<string> {
  const keys = new Set<string>();
  visitTemplate(template, {
    found(word) {
      if (word.word === "$ref" || word.word === "$outcome") keys.add(word.key);
      if (word.word !== "$expr") return;
      for (const mention of expressions.get(word.text)!.mentions)
        if ("key" in mention) keys.add(mention.key);
        else if (mention.what === "input") keys.add("");
    },
    malformed() {},
    tooDeep() {},
  });
  return keys;
}
