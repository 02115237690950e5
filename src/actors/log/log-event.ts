import type { StoredMessage } from "../../bus/port.ts";
import { type LogAddress, parseLogSubject, type Subjects } from "../../bus/subjects.ts";
import { messageOf } from "../../core/error.ts";
import {
  type CarriedEvent,
  EVENT_SCHEMAS,
  type EventBody,
  type EventKind,
  type RunEvent,
  result,
} from "../../core/event.ts";
import { findInexact, type Inexact, mayBeInexact } from "../../core/exact-json.ts";
import { decodeJson, decodeText } from "../../core/json.ts";
import { describeProblems, MAX_PROBLEMS, problemsOf } from "../../core/problem.ts";
import { NewerVersion, refuseNewer, upcast } from "../../core/upcast.ts";

export interface ReadEvent extends LogAddress {
  readonly event: string;
  /** Undefined when the message is not an event that this build can read. */
  readonly read: RunEvent | undefined;
  /** The problem with the message. */
  readonly problem?: string;
  /**
   * Present when an orchestrator of a newer build wrote the message: this build must not fold the log beyond it. It is
   * never present for messages of workers, because a result only concerns the attempts that it names.
   */
  readonly newer?: NewerVersion;
}

const isKind = (text: string): text is EventKind => Object.hasOwn(EVENT_SCHEMAS, text);

/** Reads a message of the log. A malformed one changes nothing: every fold skips it. */
export function readLogMessage(subjects: Subjects, message: StoredMessage): ReadEvent {
  const address = parseLogSubject(subjects, message.subject);
  const unreadable = (problem: string): ReadEvent => ({ ...address, read: undefined, problem });
  try {
    const raw = decodeJson(message.data);
    if (!isKind(address.event)) {
      // An unknown kind changes the state in newer builds, which write it with a version above this build's.
      refuseNewer(address.event, raw);
      return unreadable(`unknown event ${address.event}`);
    }
    const { body, problem } = readBody(address.event, raw);
    if (!body) return unreadable(problem!);
    if (address.event === "result") refuseInexact((body as EventBody<"result">).results, message.data);
    const read = {
      kind: address.event,
      body,
      sequence: message.sequence,
      at: message.timestamp,
      nanos: message.nanos,
    } as RunEvent;
    return { ...address, read, ...(problem !== undefined && { problem }) };
  } catch (error) {
    if (error instanceof NewerVersion) return { ...unreadable(error.message), newer: error };
    return unreadable(messageOf(error));
  }
}

/** The path of a number within a result: the result's index, and the rest of the path. */
const IN_RESULT = /^\/results\/(\d+)(\/(?:output|plan)(?:\/.*|$))/s;

/** Marks results with a number that JavaScript cannot represent exactly, so that their attempts fail. */
export function refuseInexact(results: unknown, data: Uint8Array): void {
  if (!Array.isArray(results) || !mayBeInexact(data)) return;
  for (const { path, message } of inexactIn(data)) {
    const [, index, at] = IN_RESULT.exec(path) ?? [];
    const one = results[Number(index)] as { refused?: string } | undefined;
    if (index !== undefined && typeof one === "object" && one !== null) one.refused ??= `${at}: ${message}`;
  }
}

function inexactIn(data: Uint8Array): Inexact[] {
  try {
    return findInexact(decodeText(data), MAX_PROBLEMS);
  } catch {
    // Nested too deeply to be searched: the fold refuses such a result.
    return [];
  }
}

/** The events that a `carried` contains, as the log had them. Unreadable ones are skipped, as in the log. */
export function readCarried(events: readonly CarriedEvent[]): RunEvent[] {
  return events.flatMap(({ event, body: raw, sequence, at }) => {
    const body = isKind(event) ? readCurrent(event, raw) : undefined;
    return body ? [{ kind: event, body, sequence, at } as RunEvent] : [];
  });
}

/**
 * Reads an event of a `carried`, or returns undefined. Its writer has read the events, so none is newer than the
 * `carried`.
 */
function readCurrent<K extends EventKind>(kind: K, raw: unknown): EventBody<K> | undefined {
  try {
    return readBody(kind, raw).body;
  } catch {
    return undefined;
  }
}

function readBody<K extends EventKind>(kind: K, raw: unknown): { body: EventBody<K> | undefined; problem?: string } {
  let problem: string;
  try {
    const current = upcast(kind, raw);
    const parsed = EVENT_SCHEMAS[kind].safeParse(current);
    if (parsed.success) return { body: parsed.data as EventBody<K> };
    problem = describeProblems(problemsOf(parsed.error, current));
  } catch (error) {
    if (error instanceof NewerVersion && kind !== "result") throw error;
    problem = messageOf(error);
  }
  if (kind === "planned" || kind === "deferred")
    return { body: salvageNamed(raw) as EventBody<K> | undefined, problem };
  return { body: (kind === "result" ? salvage(raw, problem) : undefined) as EventBody<K> | undefined, problem };
}

/**
 * Finds the attempts that a malformed message of results (not an array, of an unknown version) still names. They fail
 * with the problem, because their tasks may have left the queue and would otherwise never be tried again.
 */
function salvage(raw: unknown, problem: string): EventBody<"result"> | undefined {
  const { results } = (raw ?? {}) as { results?: unknown };
  const error = { kind: "terminal", message: `malformed result: ${problem}` };
  const named = (Array.isArray(results) ? results : [results ?? raw]).flatMap((one) => {
    const attempt = result.pick({ task: true, attempt: true }).safeParse(one);
    return attempt.success ? [{ ...attempt.data, error }] : [];
  });
  return named.length > 0 ? { v: 1, results: named } : undefined;
}

/** What names no more than its attempt: a `planned` without a plan fails it, a `deferred` without a time defers it. */
function salvageNamed(raw: unknown): EventBody<"planned" | "deferred"> | undefined {
  const named = result.pick({ task: true, attempt: true }).safeParse(raw);
  return named.success ? { v: 2, ...named.data } : undefined;
}

/** The body of an event, or undefined if the bytes are not such an event. Throws {@link NewerVersion}. */
export function readEventBody<K extends EventKind>(kind: K, data: Uint8Array): EventBody<K> | undefined {
  try {
    return readBody(kind, decodeJson(data)).body;
  } catch (error) {
    if (error instanceof NewerVersion) throw error;
    return undefined;
  }
}
