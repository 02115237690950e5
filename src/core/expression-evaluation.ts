import { expected, FUNCTIONS, type Spend } from "./expression-functions.ts";
import {
  elementOf,
  fieldOf,
  hasField,
  keysOf,
  limitResult,
  limitText,
  OPERATORS,
  toNumber,
} from "./expression-operators.ts";
import { ExpressionError, type Macro, type Node } from "./expression-syntax.ts";
import type { Json } from "./json.ts";

/** What an expression's names stand for, asked for when the evaluation comes to them. */
export interface Values {
  /** A sibling's output; undefined when there is none. */
  output(key: string): Json | undefined;
  /** How a sibling has come out. */
  outcome(key: string): Json;
  /** `input`, `run`, `item`, `index`, `message`; undefined for any other name, and where there is no such thing. */
  context(name: string): Json | undefined;
}

/** Steps of one evaluation. A step is a part of the expression that was evaluated, or 64 characters gone through. */
export const MOST_STEPS = 100_000;

/** Evaluates an expression that was read. Throws an {@link ExpressionError}. */
export function evaluate(root: Node, values: Values): Json {
  const result = new Evaluation(values).run(root, undefined);
  return at(root, () => {
    limitResult(result);
    return result;
  });
}

/** The variables of the macros around, the innermost first. */
interface Scope {
  readonly name: string;
  readonly value: Json;
  readonly outer: Scope | undefined;
}

/** The one error that `||` and `&&` cannot outvote. */
class OutOfSteps extends ExpressionError {}

class Evaluation {
  readonly #values: Values;
  #left = MOST_STEPS;
  /** Where it is in the text. */
  #at = 0;

  constructor(values: Values) {
    this.#values = values;
  }

  run(node: Node, scope: Scope | undefined): Json {
    this.#at = node.at;
    this.#spend(1);
    switch (node.kind) {
      case "literal":
        return node.value;
      case "variable":
        return lookUp(node.name, scope);
      case "name":
        return this.#nameOf(node);
      case "outcome":
        return this.#values.outcome(node.key);
      case "field":
        return this.#on(node, scope, (of) => fieldOf(of, node.field));
      case "has":
        return this.#on(node, scope, (of) => hasField(of, node.field));
      case "negative":
        return this.#on(node, scope, (of) => -toNumber(of));
      case "not":
        return !this.#test(node.of, scope);
      case "element": {
        const [of, index] = [this.run(node.of, scope), this.run(node.index, scope)];
        return at(node, () => elementOf(of, index));
      }
      case "and":
        return this.#connect(node, false, scope);
      case "or":
        return this.#connect(node, true, scope);
      case "choice":
        return this.run(this.#test(node.test, scope) ? node.yes : node.no, scope);
      case "binary": {
        const [left, right] = [this.run(node.left, scope), this.run(node.right, scope)];
        return at(node, () => OPERATORS[node.operator](this.#spend, left, right));
      }
      case "list":
        return node.items.map((item) => this.run(item, scope));
      case "object":
        return Object.fromEntries(
          node.fields.map(([key, value]) => [this.#textOf(key, scope), this.run(value, scope)]),
        );
      case "macro":
        return this.#repeat(node, scope);
      case "call": {
        const args = node.args.map((argument) => this.run(argument, scope));
        return at(node, () => limitText(FUNCTIONS[node.name]!.call(this.#spend, ...args)), `${node.name}: `);
      }
    }
  }

  readonly #spend: Spend = (steps) => {
    this.#left -= steps;
    if (this.#left >= 0) return;
    throw new OutOfSteps(`expected at most ${MOST_STEPS} steps, received an expression that takes more`, this.#at);
  };

  #nameOf(node: Node & { kind: "name" }): Json {
    const inContext = this.#values.context(node.name);
    const value = inContext === undefined ? this.#values.output(node.name) : inContext;
    if (value !== undefined) return value;
    throw new ExpressionError(`expected a value of ${node.name}, received nothing: there is none`, node.at);
  }

  #on(node: Node & { readonly of: Node }, scope: Scope | undefined, apply: (of: Json) => Json): Json {
    const of = this.run(node.of, scope);
    return at(node, () => apply(of));
  }

  #test(node: Node, scope: Scope | undefined): boolean {
    const value = this.run(node, scope);
    if (typeof value === "boolean") return value;
    throw new ExpressionError(expected("true or false", value).message, node.at);
  }

  #textOf(node: Node, scope: Scope | undefined): string {
    const value = this.run(node, scope);
    if (typeof value === "string") return value;
    throw new ExpressionError(expected("a text as the key of an object", value).message, node.at);
  }

  /** `false && error` is false, and so is `error && false`: whichever side decides. */
  #connect({ left, right }: { left: Node; right: Node }, decides: boolean, scope: Scope | undefined): boolean {
    let failure: ExpressionError | undefined;
    try {
      if (this.#test(left, scope) === decides) return decides;
    } catch (error) {
      if (!(error instanceof ExpressionError) || error instanceof OutOfSteps) throw error;
      failure = error;
    }
    if (this.#test(right, scope) === decides) return decides;
    if (failure) throw failure;
    return !decides;
  }

  #repeat(node: Node & { kind: "macro" }, scope: Scope | undefined): Json {
    const whole = this.run(node.of, scope);
    const items = at(node, () => itemsOf(this.#spend, whole));
    const within = (value: Json): Scope => ({ name: node.variable, value, outer: scope });
    return REPEATED[node.macro](items, {
      test: (item) => this.#test(node.body, within(item)),
      value: (item) => this.run(node.body, within(item)),
      where: (item) => !node.where || this.#test(node.where, within(item)),
    });
  }
}

interface MacroSteps {
  readonly test: (item: Json) => boolean;
  readonly value: (item: Json) => Json;
  readonly where: (item: Json) => boolean;
}

const REPEATED: Readonly<Record<Macro, (items: readonly Json[], steps: MacroSteps) => Json>> = {
  all: (items, { test }) => items.every(test),
  exists: (items, { test }) => items.some(test),
  exists_one: (items, { test }) => items.filter(test).length === 1,
  filter: (items, { test }) => items.filter(test),
  map: (items, { where, value }) => items.filter(where).map(value),
};

/** A list's items, or an object's keys. */
function itemsOf(spend: Spend, whole: Json): readonly Json[] {
  if (Array.isArray(whole)) return whole;
  if (whole !== null && typeof whole === "object") return keysOf(spend, whole);
  throw expected("a list or an object before a macro", whole);
}

function lookUp(name: string, scope: Scope | undefined): Json {
  for (let one = scope; one; one = one.outer) if (one.name === name) return one.value;
  throw new Error(`the variable ${name} is not bound`);
}

/** Errors of operators and functions know no place. */
function at<T>(node: Node, apply: () => T, prefix = ""): T {
  try {
    return apply();
  } catch (error) {
    if (error instanceof ExpressionError) throw error;
    throw new ExpressionError(`${prefix}${(error as Error).message}`, node.at);
  }
}
