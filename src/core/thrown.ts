import { z } from "zod";
import { show } from "./problem.ts";

/** One error, as plain text. */
const errorFacts = {
  /** Its `name`, or the name of its class. */
  name: z.string().optional().catch(undefined),
  /** Its `code`, as system errors have one: `ECONNREFUSED`, `ENOENT`, … */
  errorCode: z.string().optional().catch(undefined),
  stack: z.string().optional().catch(undefined),
};

const errorCause = z.object({ message: z.string(), ...errorFacts });
export type ErrorCause = z.output<typeof errorCause>;

/** Fields that say more of an error than its message. Malformed ones are left out, so that they never spoil a result. */
export const errorDetails = z.object({
  ...errorFacts,
  /** What led to it, outermost first: the chain of `cause`, and the members of an AggregateError. */
  causes: z.array(errorCause).optional().catch(undefined),
});
export type ErrorDetails = z.output<typeof errorDetails>;

/** What is known of a thrown value. */
export interface Thrown extends ErrorDetails {
  /** One text: the value's own message, and those of its causes where it does not quote them itself. */
  readonly message: string;
}

/** `Error ECONNREFUSED: connect ECONNREFUSED 127.0.0.1:9` */
export const describeCause = ({ name = "Error", errorCode, message }: ErrorCause): string =>
  `${name}${errorCode === undefined ? "" : ` ${errorCode}`}${message && `: ${message}`}`;

/** Bounds of what is kept, in characters: errors stay in memory and in the log, by the thousand where many fail alike. */
const LONGEST_MESSAGE = 8192;
const LONGEST_CAUSE = 1000;
const LONGEST_STACK = 2000;
const LONGEST_NAME = 100;
const MOST_CAUSES = 8;

const cut = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most)}…` : text);

/** An error's message must fit into a result, and into all that quotes it later: `ended` is one message of the bus. */
export const cutMessage = (text: string): string => cut(text, LONGEST_MESSAGE);

/** The same details within the bounds: foreign workers may send any amount. */
export const cutDetails = ({ name, errorCode, stack, causes }: ErrorDetails): ErrorDetails => ({
  ...(name !== undefined && { name: cut(name, LONGEST_NAME) }),
  ...(errorCode !== undefined && { errorCode: cut(errorCode, LONGEST_NAME) }),
  ...(stack !== undefined && { stack: cut(stack, LONGEST_STACK) }),
  ...(causes && {
    causes: causes
      .slice(0, MOST_CAUSES)
      .map((cause) => ({ message: cut(cause.message, LONGEST_CAUSE), ...cutDetails({ ...cause, causes: undefined }) })),
  }),
});

/**
 * Describes whatever was thrown. Never throws itself, and touches the value only inside a guard: a getter may throw, a
 * proxy may be revoked, causes may form a cycle.
 */
export function describeThrown(value: unknown): Thrown {
  const node = examine(value, new Set());
  const causes: ErrorCause[] = [];
  const collect = ({ causes: below }: Examined): void => {
    for (const one of below) {
      causes.push({ message: one.message, ...one.facts });
      collect(one);
    }
  };
  collect(node);
  const details = cutDetails({ ...node.facts, ...(causes.length > 0 && { causes }) });
  return { message: cutMessage(summarize(node)), ...details };
}

/** What a thrown value has to say, in one text. Never throws itself. */
export const messageOf = (error: unknown): string => cutMessage(summarize(examine(error, new Set())));

/** An error with those that led to it. */
interface Examined {
  /** Its own; empty where it has none. */
  readonly message: string;
  readonly facts: Omit<ErrorDetails, "causes">;
  readonly causes: readonly Examined[];
}

/** `seen`: the errors examined so far, which bounds the whole. */
function examine(value: unknown, seen: Set<unknown>): Examined {
  seen.add(value);
  if ((typeof value !== "object" && typeof value !== "function") || value === null)
    return { message: textOf(value), facts: {}, causes: [] };
  const name = classOf(value);
  const code = read(value, "code");
  const stack = textIn(value, "stack");
  const message = read(value, "message");
  let own = typeof message === "string" ? message : undefined;
  // One whose message cannot be read may still have it at the head of its stack. What is not an error shows itself.
  if (message === undefined && stack !== undefined) own = splitStack(stack).head.replace(/^[\w$]*Error: /, "");
  own ??= message === undefined ? describe(value, name) : show(message);
  const facts = {
    ...(name !== undefined && { name }),
    ...((typeof code === "string" || typeof code === "number") && { errorCode: String(code) }),
    ...(stack !== undefined && { stack: shortStack(stack) }),
  };
  return { message: own, facts, causes: causesOf(value, seen) };
}

function causesOf(value: object, seen: Set<unknown>): Examined[] {
  const causes: Examined[] = [];
  const add = (cause: unknown) => {
    if (cause !== undefined && cause !== null && seen.size <= MOST_CAUSES && !seen.has(cause))
      causes.push(examine(cause, seen));
  };
  add(read(value, "cause"));
  const members = read(value, "errors");
  // By index, each inside the guard: it may be no array, or one that cannot be iterated.
  if (typeof members === "object" && members !== null)
    for (let i = 0; i < MOST_CAUSES; i++) add(read(members, String(i)));
  return causes;
}

/** `outer: inner`, `AggregateError: first; second`. A message that the text has already is not repeated. */
function summarize({ message, facts, causes }: Examined): string {
  const named = [facts.name === "Error" ? undefined : facts.name, facts.errorCode].filter(Boolean).join(" ");
  const own = message || named || "an error without a message";
  const below = causes.map(summarize).filter((text) => !own.includes(text));
  return cut(below.length > 0 ? `${own}: ${below.join("; ")}` : own, LONGEST_MESSAGE);
}

/** A name that says more than `Error`: as stated, or of the class. */
function classOf(value: object): string | undefined {
  const stated = textIn(value, "name");
  if (stated && stated !== "Error") return stated;
  const maker = read(value, "constructor");
  const name = typeof maker === "function" ? textIn(maker, "name") : undefined;
  return name && name !== "Object" ? name : stated;
}

/** `Error: message`, and the lines of its frames. */
function splitStack(stack: string): { head: string; frames: string } {
  const at = stack.search(/\n\s+at /);
  return at < 0 ? { head: stack, frames: "" } : { head: stack.slice(0, at), frames: stack.slice(at) };
}

/** Its frames count, and a message of any length stands before them. */
function shortStack(stack: string): string {
  const { head, frames } = splitStack(stack);
  return cut(`${cut(head, LONGEST_STACK / 4)}${frames}`, LONGEST_STACK);
}

/** A value that is not an error, by its class where its fields say nothing. */
function describe(value: object, name: string | undefined): string {
  const text = show(value);
  return text === "{}" && name !== undefined ? "" : text;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : String(value);
}

function textIn(value: object, field: string): string | undefined {
  const found = read(value, field);
  return typeof found === "string" ? found : undefined;
}

function read(value: object, field: string): unknown {
  try {
    return (value as Record<string, unknown>)[field];
  } catch {
    return undefined;
  }
}
