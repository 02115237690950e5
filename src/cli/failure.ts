import { CommanderError } from "commander";
import type { TuttiError, WireError } from "../core/error.ts";
import { type Fact, renderFacts } from "./facts.ts";
import { oneLine, type Paint } from "./style.ts";

/**
 * Thrown for wrong usage of a command or an invalid input: exit code 2. `details` are part of the `--json` output, and
 * are printed indented under the message.
 */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly details: { readonly path?: string; readonly expected?: string; readonly received?: string };
  /** Lines that show the place of the problem. */
  readonly excerpt: readonly string[];

  constructor(
    message: string,
    details: UsageError["details"] = {},
    excerpt: readonly string[] = [],
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.details = details;
    this.excerpt = excerpt;
  }
}

/** Thrown when a run that was followed to its end did not succeed: exit code 1. */
export class RunFailure extends Error {
  override readonly name = "RunFailure";
  readonly wire: WireError;
  /** The details of the failure, for the user. */
  readonly facts: readonly Fact[];

  constructor(wire: WireError, facts: readonly Fact[], options?: ErrorOptions) {
    super(wire.message, options);
    this.wire = wire;
    this.facts = facts;
  }
}

// By name, because core/error.ts imports zod, and `tutti --help` must not wait for that.
const isTuttiError = (error: unknown): error is TuttiError => error instanceof Error && error.name === "TuttiError";

const commanderMessage = (error: CommanderError): string =>
  oneLine(error.message.replace(/^error: /, "")).replace(/ \((Did you mean .*)\)$/, "; $1");

/** The exit code: 0 for requested help, 2 for wrong usage or invalid input, else 1. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof UsageError) return 2;
  return isTuttiError(error) && error.code === 400 ? 2 : 1;
}

/** The error that `--json` prints as `{"error":…}`. */
export function toWireError(error: unknown): WireError {
  if (error instanceof CommanderError) return { code: 400, message: commanderMessage(error) };
  if (error instanceof UsageError) return { code: 400, message: error.message, ...error.details };
  if (error instanceof RunFailure) return error.wire;
  if (isTuttiError(error)) return error.toJSON();
  return { code: 500, message: error instanceof Error ? error.message : String(error) };
}

/**
 * Describes a failure for the user: the problem, its place, what was expected and received, and with `debug` the stack.
 */
export function describeFailure(error: unknown, paint: Paint, debug: boolean): string[] {
  const wire = toWireError(error);
  if (error instanceof RunFailure && error.facts.length > 0) return renderRunFailure(error, paint);
  const lines = [`${paint("red", "error:")} ${oneLine(wire.message) || "unknown"}`];
  const add = (label: string, value: string | undefined) => {
    if (value && !wire.message.includes(value)) lines.push(`  ${paint("dim", `${label}:`)} ${oneLine(value)}`);
  };
  if (error instanceof UsageError) lines.push(...error.excerpt.map((line) => `  ${line}`));
  add("at", wire.path);
  add("task", wire.task);
  add("expected", wire.expected);
  add("received", wire.received);
  add("run", wire.run);
  if (debug && error instanceof Error) lines.push(error.stack ?? "");
  return lines;
}

/** Renders the run's error, then the facts that its message does not contain. */
function renderRunFailure({ wire, facts }: RunFailure, paint: Paint): string[] {
  const others = facts.filter(([, text]) => !wire.message.includes(text));
  const lines = renderFacts([...others, ["run", wire.run ?? ""]], (label) => paint("dim", label));
  return [`${paint("red", "error:")} ${oneLine(wire.message)}`, ...lines.map((line) => `  ${line}`)];
}
