import { isMap, isNode, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
import type { Environment } from "../core/environment.ts";
import { TuttiError } from "../core/error.ts";
import { fromPointer } from "../core/json.ts";
import { modelsSettings } from "../core/models-settings.ts";
import { describeProblems, type Problem, problemsOf } from "../core/problem.ts";
import { type ModelsConfig, resolveModels } from "./models-config.ts";

/**
 * Reads the text of a models file. Throws a {@link TuttiError} (400) that names file, line and column of all that is
 * wrong.
 */
export function readModels(text: string, file: string, env: Environment): ModelsConfig {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const [syntax] = document.errors;
  if (syntax) throw new TuttiError(400, `${at(syntax.pos[0])}: ${syntax.message}`);

  const value: unknown = document.toJS() ?? {};
  const refuse = (problems: readonly Problem[]) => {
    const listed = problems.map((one) => `${at(offsetOf(document.contents, one.path))}: ${describeProblems([one])}`);
    // A problem's own message has no place in the file: it must not stand for the whole.
    const { message: _, ...first } = problems[0]!;
    return new TuttiError(400, listed.join("\n"), { problems: [...problems], ...first });
  };
  const parsed = modelsSettings.safeParse(value);
  if (!parsed.success) throw refuse(problemsOf(parsed.error, value));
  const resolved = resolveModels(parsed.data, env);
  if ("problems" in resolved) throw refuse(resolved.problems);
  return resolved;
}

/** Where the thing that a JSON pointer names begins: its key in a map, or the nearest that is there. */
function offsetOf(contents: unknown, pointer: string): number {
  let found = isNode(contents) ? contents : undefined;
  let offset = found?.range?.[0] ?? 0;
  for (const step of fromPointer(pointer)) {
    let next: Node | undefined;
    if (isMap(found)) {
      const pair = found.items.find(({ key }) => isScalar(key) && String(key.value) === step);
      if (isScalar(pair?.key)) offset = pair.key.range?.[0] ?? offset;
      if (isNode(pair?.value)) next = pair.value;
    } else if (isSeq(found)) {
      const item = found.items[Number(step)];
      if (isNode(item)) {
        next = item;
        offset = item.range?.[0] ?? offset;
      }
    }
    if (!next) break;
    found = next;
  }
  return offset;
}
