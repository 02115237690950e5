import { type ASTNode, Environment, ParseError } from "@marcbachmann/cel-js";
import { FUNCTIONS } from "./expression-functions.ts";
import type { Json } from "./json.ts";
import { nearest } from "./nearest.ts";

/** The text of an expression, read: what its evaluation walks. `at` is where a part begins in the text. */
export type Node = { readonly at: number } & (
  | { readonly kind: "literal"; readonly value: Json }
  /** What the plan gives: a sibling's output by its key, `input`, `run`, `item`, … */
  | { readonly kind: "name"; readonly name: string }
  /** The variable of a macro around it. */
  | { readonly kind: "variable"; readonly name: string }
  /** `tasks["key"]`: how a sibling has come out. */
  | { readonly kind: "outcome"; readonly key: string }
  | { readonly kind: "field"; readonly of: Node; readonly field: string }
  | { readonly kind: "element"; readonly of: Node; readonly index: Node }
  | { readonly kind: "has"; readonly of: Node; readonly field: string }
  | { readonly kind: "not" | "negative"; readonly of: Node }
  | { readonly kind: "and" | "or"; readonly left: Node; readonly right: Node }
  | { readonly kind: "binary"; readonly operator: BinaryOperator; readonly left: Node; readonly right: Node }
  | { readonly kind: "choice"; readonly test: Node; readonly yes: Node; readonly no: Node }
  | { readonly kind: "list"; readonly items: readonly Node[] }
  | { readonly kind: "object"; readonly fields: readonly (readonly [key: Node, value: Node])[] }
  | ({ readonly kind: "macro"; readonly macro: Macro; readonly of: Node; readonly variable: string } & MacroBody)
  | { readonly kind: "call"; readonly name: string; readonly args: readonly Node[] }
);
/** `map(x, where, body)` has both. */
type MacroBody = { readonly where?: Node; readonly body: Node };

const BINARY = ["==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "in"] as const;
export type BinaryOperator = (typeof BINARY)[number];
const MACROS = ["all", "exists", "exists_one", "map", "filter"] as const;
export type Macro = (typeof MACROS)[number];

/** An expression that cannot be read, or not be evaluated; `at` is the character of its text at which it fails. */
export class ExpressionError extends Error {
  override readonly name = "ExpressionError";
  readonly at: number;

  constructor(message: string, at: number) {
    super(`${message} (at character ${at + 1})`);
    this.at = at;
  }
}

/** Characters of one expression. */
const LONGEST = 2000;
/** How deep macros may stand inside each other. Their steps are counted besides, when they are evaluated. */
const DEEPEST_MACROS = 3;
const grammar = new Environment({ limits: { maxDepth: 50, maxAstNodes: 1000 } });

/** Reads an expression. Throws an {@link ExpressionError} that says where it is wrong. */
export function readExpression(text: string): Node {
  if (text.length > LONGEST)
    throw new ExpressionError(
      `expected an expression of at most ${LONGEST} characters, received ${text.length}`,
      LONGEST,
    );
  return read(parse(text), []);
}

function parse(text: string): ASTNode {
  try {
    return grammar.parse(text).ast;
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    throw new ExpressionError(`expected an expression in CEL, received: ${error.summary}`, error.range?.start ?? 0);
  }
}

/** `variables`: those of the macros around it. */
function read(node: ASTNode, variables: readonly string[]): Node {
  const at = node.range.start;
  const one = (inner: ASTNode) => read(inner, variables);
  switch (node.op) {
    case "value":
      return { kind: "literal", value: readLiteral(node.args, at), at };
    case "id":
      return { kind: variables.includes(node.args) ? "variable" : "name", name: node.args, at };
    case ".":
      return readField(node.args[0], node.args[1], at, variables);
    case "[]":
      return readElement(node.args[0], node.args[1], at, variables);
    case "call":
      return readCall(node.args[0], undefined, node.args[1], at, variables);
    case "rcall":
      return readCall(node.args[0], node.args[1], node.args[2], at, variables);
    case "list":
      return { kind: "list", items: node.args.map(one), at };
    case "map":
      return { kind: "object", fields: node.args.map(([key, value]) => [one(key), one(value)] as const), at };
    case "?:":
      return { kind: "choice", test: one(node.args[0]), yes: one(node.args[1]), no: one(node.args[2]), at };
    case "||":
      return { kind: "or", left: one(node.args[0]), right: one(node.args[1]), at };
    case "&&":
      return { kind: "and", left: one(node.args[0]), right: one(node.args[1]), at };
    case "!_":
      return { kind: "not", of: one(node.args), at };
    case "-_":
      return { kind: "negative", of: one(node.args), at };
    case ".?":
    case "[?]":
      throw new ExpressionError(`expected . or [ ], received ${node.op}`, at);
    default:
      return { kind: "binary", operator: node.op, left: one(node.args[0]), right: one(node.args[1]), at };
  }
}

/** Numbers are JSON's: an integer literal is the same number as one that came out of a task. */
function readLiteral(value: unknown, at: number): Json {
  if (typeof value === "string" || typeof value === "boolean" || value === null) return value;
  const number = typeof value === "bigint" ? Number(value) : value;
  if (typeof number === "number" && (typeof value !== "bigint" || Number.isSafeInteger(number))) return number;
  throw new ExpressionError(
    "expected a text, a number that JSON carries exactly, true, false or null, received another literal",
    at,
  );
}

const isTasks = (node: ASTNode, variables: readonly string[]): boolean =>
  node.op === "id" && node.args === "tasks" && !variables.includes("tasks");

function readField(of: ASTNode, field: string, at: number, variables: readonly string[]): Node {
  if (isTasks(of, variables)) return { kind: "outcome", key: field, at };
  return { kind: "field", of: read(of, variables), field, at };
}

function readElement(of: ASTNode, index: ASTNode, at: number, variables: readonly string[]): Node {
  if (!isTasks(of, variables)) return { kind: "element", of: read(of, variables), index: read(index, variables), at };
  if (index.op === "value" && typeof index.args === "string") return { kind: "outcome", key: index.args, at };
  throw new ExpressionError('expected tasks["key"], received a key that is not written down', index.range.start);
}

function readCall(
  name: string,
  receiver: ASTNode | undefined,
  args: readonly ASTNode[],
  at: number,
  variables: readonly string[],
): Node {
  if (name === "has" && !receiver) return readHas(args, at, variables);
  const macro = MACROS.find((one) => one === name);
  if (macro && receiver) return readMacro(macro, receiver, args, at, variables);
  const known = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
  if (!known) throw new ExpressionError(describeUnknown(name), at);
  const all = receiver ? [receiver, ...args] : args;
  if (all.length < known.least || all.length > known.most) {
    const counts = known.least === known.most ? `${known.least}` : `${known.least} or ${known.most}`;
    throw new ExpressionError(`expected ${counts} arguments of ${name}, received ${all.length}`, at);
  }
  return { kind: "call", name, args: all.map((one) => read(one, variables)), at };
}

function readHas(args: readonly ASTNode[], at: number, variables: readonly string[]): Node {
  const [of] = args;
  if (args.length !== 1 || of?.op !== "." || isTasks(of.args[0], variables))
    throw new ExpressionError("expected has(value.field), received something else in its brackets", at);
  return { kind: "has", of: read(of.args[0], variables), field: of.args[1], at };
}

function readMacro(
  macro: Macro,
  receiver: ASTNode,
  args: readonly ASTNode[],
  at: number,
  variables: readonly string[],
): Node {
  const [variable, ...bodies] = args;
  const body = bodies.at(-1);
  if (variable?.op !== "id" || !body || bodies.length > (macro === "map" ? 2 : 1))
    throw new ExpressionError(`expected ${macro}(variable, expression), received something else in its brackets`, at);
  if (variables.length >= DEEPEST_MACROS)
    throw new ExpressionError(`expected at most ${DEEPEST_MACROS} macros inside each other, received more`, at);
  const inside = [...variables, variable.args];
  return {
    kind: "macro",
    macro,
    of: read(receiver, variables),
    variable: variable.args,
    ...(bodies.length === 2 && { where: read(bodies[0]!, inside) }),
    body: read(body, inside),
    at,
  };
}

function describeUnknown(name: string): string {
  if (name === "matches")
    return "expected a function, received matches: regular expressions may take for ever; use startsWith, endsWith, contains";
  const names = [...Object.keys(FUNCTIONS), ...MACROS, "has"];
  const near = nearest(name, names);
  return `expected one of the functions ${names.join(", ")}, received ${name}${near ? `; did you mean ${near}?` : ""}`;
}
