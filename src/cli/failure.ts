import { CommanderError } from "commander";
import type { TuttiError, WireError } from "../core/error.ts";
import { type Fact, renderFacts } from "./facts.ts";
import { oneLine, type Paint } from "./style.ts";

/** The command was used wrongly, or its input is invalid: exit code 2. `details` go into `--json` and, indented, under the message. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly details: { readonly path?: string; readonly expected?: string; readonly received?: string };
  /** Lines that show the place. */
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

/** A run that was followed to its end has failed: exit code 1. */
export class RunFailure extends Error {
  override readonly name = "RunFailure";
  readonly wire: WireError;
  /** What is known of it, for people. */
  readonly facts: readonly Fact[];

  constructor(wire: WireError, facts: readonly Fact[], options?: ErrorOptions) {
    super(wire.message, options);
    this.wire = wire;
    this.facts = facts;
  }
}

// By name, because core/error.ts brings zod along, which `tutti --help` must not wait for.
const isTuttiError = (error: unknown): error is TuttiError => error instanceof Error && error.name === "TuttiError";

const commanderMessage = (error: CommanderError): string =>
  oneLine(error.message.replace(/^error: /, "")).replace(/ \((Did you mean .*)\)$/, "; $1");

/** 0 for help that was asked for, 2 for wrong usage or invalid input, else 1. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof UsageError) return 2;
  return isTuttiError(error) && error.code === 400 ? 2 : 1;
}

/** What `--json` prints inside `{"error":…}`. */
export function toWireError(error: unknown): WireError {
  if (error instanceof CommanderError) return { code: 400, message: commanderMessage(error) };
  if (error instanceof UsageError) return { code: 400, message: error.message, ...error.details };
  if (error instanceof RunFailure) return error.wire;
  if (isTuttiError(error)) return error.toJSON();
  return { code: 500, message: error instanceof Error ? error.message : String(error) };
}

/** What a person reads: what was wrong, where, what was expected and what was received. The stack only if `debug`. */
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

/** The run's error, then what is known of it and not said yet. */
function renderRunFailure({ wire, facts }: RunFailure, paint: Paint): string[] {
  const unsaid = facts.filter(([, text]) => !wire.message.includes(text));
  const lines = renderFacts([...unsaid, ["run", wire.run ?? ""]], (label) => paint("dim", label));
  return [`${paint("red", "error:")} ${oneLine(wire.message)}`, ...lines.map((line) => `  ${line}`)];
}
