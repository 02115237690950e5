/**
 * Formats a schema as readable JSON: a line for each definition and each of its properties. Lines longer than `width`
 * columns are wrapped.
 */
export function formatSchema(schema: object, width = 120): string {
  return expand(schema, 0, width, ["$defs", "properties"]).join("\n");
}

/** Formats an object with a line for each field. The fields named in `expanded` are expanded in turn. */
function expand(value: object, indent: number, width: number, expanded: readonly string[]): string[] {
  const fields = Object.entries(value);
  const lines = fields.flatMap(([key, item], index) => {
    const [name, comma] = [`${JSON.stringify(key)}: `, index < fields.length - 1 ? "," : ""];
    if (!expanded.includes(key)) return wrap(withEnds(atomsOf(item), name, comma), indent + 2, width);
    const inner = key === "$defs" ? expandDefinitions(item, indent + 2, width) : expand(item, indent + 2, width, []);
    return [`${" ".repeat(indent + 2)}${name}{`, ...inner.slice(1, -1), `${" ".repeat(indent + 2)}}${comma}`];
  });
  return ["{", ...lines, `${" ".repeat(indent)}}`];
}

function expandDefinitions(definitions: object, indent: number, width: number): string[] {
  const entries = Object.entries(definitions);
  const lines = entries.flatMap(([key, item], index) => {
    const [name, comma] = [`${JSON.stringify(key)}: `, index < entries.length - 1 ? "," : ""];
    const flat = wrap(withEnds(atomsOf(item), name, comma), indent + 2, width);
    if (flat.length <= 4) return flat;
    const [, ...inner] = expand(item, indent + 2, width, ["properties"]);
    return [`${" ".repeat(indent + 2)}${name}{`, ...inner.slice(0, -1), `${" ".repeat(indent + 2)}}${comma}`];
  });
  return ["{", ...lines, "}"];
}

/** The text of a value, in parts between which a line may end. */
function atomsOf(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [JSON.stringify(value)];
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{ ", " }"];
  const parts = Array.isArray(value)
    ? value.map(atomsOf)
    : Object.entries(value).map(([key, item]) => withEnds(atomsOf(item), `${JSON.stringify(key)}: `, ""));
  if (parts.length === 0) return [`${open}${close}`.replaceAll(" ", "")];
  const atoms = parts.flatMap((part, index) => withEnds(part, "", index < parts.length - 1 ? "," : ""));
  return withEnds(atoms, open, close);
}

function withEnds(atoms: readonly string[], before: string, after: string): string[] {
  const all = [...atoms];
  all[0] = before + all[0];
  all[all.length - 1] += after;
  return all;
}

/** Joins atoms into lines. All but the first are indented further. */
function wrap(atoms: readonly string[], indent: number, width: number): string[] {
  const lines: string[] = [];
  let line = " ".repeat(indent) + atoms[0];
  for (const atom of atoms.slice(1)) {
    if (line.length + 1 + atom.length <= width) line += ` ${atom}`;
    else {
      lines.push(line);
      line = " ".repeat(indent + 4) + atom;
    }
  }
  return [...lines, line];
}
