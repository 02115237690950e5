import type { z } from "zod";
import { toPointer } from "./json.ts";

/** One thing that is wrong with an input: where (a JSON pointer), what was expected, what was there. */
export interface Problem {
  readonly path: string;
  readonly message: string;
  readonly expected?: string;
  readonly received?: string;
}

/** Short and safe to print, whatever it is: a value's JSON, cut at 80 characters. */
export function show(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = typeof value === "bigint" ? `${value}n` : textOf(value);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

function textOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    // A cycle, a bigint inside, nested too deep for JSON.stringify, a getter that throws, a proxy that is revoked.
    return isArray(value)
      ? "an array that is not JSON"
      : `${typeof value === "object" ? "an object" : `a ${typeof value}`} that is not JSON`;
  }
}

function isArray(value: unknown): boolean {
  try {
    return Array.isArray(value);
  } catch {
    return false;
  }
}

/** What a zod schema found wrong with `value`, all of it. */
export function problemsOf(error: z.core.$ZodError, value: unknown): Problem[] {
  return error.issues.flatMap((issue) => problemsOfIssue(issue, issue.path, value));
}

/** `path` leads from `value` to where the issue is: an issue of an alternative counts from the alternative. */
function problemsOfIssue(issue: z.core.$ZodIssue, path: readonly PropertyKey[], value: unknown): Problem[] {
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key, i) => unknownField([...path, key], issue, i, value));
  const meant = issue.code === "invalid_union" ? meantAlternative(issue.errors) : undefined;
  if (meant) return meant.flatMap((one) => problemsOfIssue(one, [...path, ...one.path], value));
  return [problemAt(path, issue.message, expectedBy(issue), value)];
}

/** `exactObject` has a message for each of the fields, one a line. */
function unknownField(path: readonly PropertyKey[], issue: z.core.$ZodIssue, index: number, value: unknown): Problem {
  const message = issue.message.startsWith("expected") ? issue.message.split("\n")[index] : undefined;
  const expected = message === undefined ? "no such field" : afterExpected(message);
  return problemAt(path, message ?? "expected no field of this name", expected, value);
}

/** The one alternative whose kind the value has, if it is one: what is wrong with it is what the author wants to read. */
function meantAlternative(
  alternatives: readonly (readonly z.core.$ZodIssue[])[],
): readonly z.core.$ZodIssue[] | undefined {
  const isOfThisKind = (issues: readonly z.core.$ZodIssue[]) =>
    issues.every(({ code, path }) => path.length > 0 || code === "unrecognized_keys" || code === "custom");
  const meant = alternatives.filter(isOfThisKind);
  return meant.length === 1 ? meant[0] : undefined;
}

function problemAt(
  path: readonly PropertyKey[],
  message: string,
  expected: string | undefined,
  value: unknown,
): Problem {
  let at = value;
  for (const key of path) at = (at as Record<PropertyKey, unknown> | null | undefined)?.[key];
  return { path: toPointer(path), message, ...(expected && { expected }), received: show(at) };
}

function expectedBy(issue: z.core.$ZodIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      return issue.expected;
    case "invalid_value":
      return issue.values.map((one) => show(one)).join(" or ");
    case "too_small":
      return `${issue.inclusive ? "at least" : "more than"} ${issue.minimum}`;
    case "too_big":
      return `${issue.inclusive ? "at most" : "less than"} ${issue.maximum}`;
    case "invalid_key":
    case "invalid_element":
      return issue.issues.map((one) => afterExpected(one.message)).join(" and ");
    default:
      return afterExpected(issue.message);
  }
}

/** Our own schemas' messages read "expected …"; a refinement of a user's may say anything. */
const afterExpected = (message: string): string => message.match(/expected (.*)$/)?.[1] ?? message;

/** `input/text: expected string, received 5`: one line, whatever the number of problems. */
export function describeProblems(problems: readonly Problem[], most = 5): string {
  const lines = problems.slice(0, most).map((one) => {
    const received = one.received && !one.message.includes("received") ? `, received ${one.received}` : "";
    return `${one.path ? `${cut(one.path)}: ` : ""}${cut(one.message)}${received}`;
  });
  if (problems.length > most) lines.push(`and ${problems.length - most} more`);
  return lines.join("; ");
}

/** Paths are made of keys, and whoever sends them chooses how long they are. */
const MOST_CHARACTERS = 500;
const cut = (text: string): string => (text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text);

/** Problems that are told one by one; the rest is only counted. */
export const MAX_PROBLEMS = 100;

/** Collects problems. After {@link MAX_PROBLEMS} of them it counts, so that a large input which is all wrong stays cheap. */
export class ProblemList {
  readonly #problems: Problem[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(make: () => Problem): void {
    if (this.#count++ < MAX_PROBLEMS) this.#problems.push(make());
  }

  expected(path: string, expected: string, received: unknown): void {
    this.add(() => ({ path, message: `expected ${expected}`, expected, received: show(received) }));
  }

  /** The last entry says how many more there were, if there were. */
  list(): Problem[] {
    const more = this.#count - this.#problems.length;
    return more > 0 ? [...this.#problems, { path: "", message: `and ${more} more problems` }] : [...this.#problems];
  }
}
