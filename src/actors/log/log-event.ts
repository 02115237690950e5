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
  /** Undefined when the message is no event this build can read. */
  readonly read: RunEvent | undefined;
  /** What is wrong with the message. */
  readonly problem?: string;
  /**
   * It was written by an orchestrator of a newer build, so what follows must not be folded by this one. Of what workers
   * write this is never said: their results concern the attempts that they name, and nobody else.
   */
  readonly newer?: NewerVersion;
}

const isKind = (text: string): text is EventKind => Object.hasOwn(EVENT_SCHEMAS, text);

/** Reads a message of the log. What is malformed changes nothing: the fold passes over it, everywhere alike. */
export function readLogMessage(subjects: Subjects, message: StoredMessage): ReadEvent {
  const address = parseLogSubject(subjects, message.subject);
  const unreadable = (problem: string): ReadEvent => ({ ...address, read: undefined, problem });
  try {
    const raw = decodeJson(message.data);
    if (!isKind(address.event)) {
      // A kind that we do not know changes the state of those who do; they write it with a version above ours.
      refuseNewer(address.event, raw);
      return unreadable(`unknown event ${address.event}`);
    }
    const { body, problem } = readBody(address.event, raw);
    if (!body) return unreadable(problem!);
    if (address.event === "result") refuseInexact((body as EventBody<"result">).results, message.data);
    const read = { kind: address.event, body, sequence: message.sequence, at: message.timestamp } as RunEvent;
    return { ...address, read, ...(problem !== undefined && { problem }) };
  } catch (error) {
    if (error instanceof NewerVersion) return { ...unreadable(error.message), newer: error };
    return unreadable(messageOf(error));
  }
}

/** The place of a number in the message, of which the first token after `results` is the result's. */
const IN_RESULT = /^\/results\/(\d+)(\/(?:output|plan)(?:\/.*|$))/s;

/** Marks results that hold a number which would be another one for those that read it. */
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
    // Nested too deep to be looked through: the fold refuses that.
    return [];
  }
}

/** The events that a `carried` stands for, as the log had them. What cannot be read is passed over, as in the log. */
export function readCarried(events: readonly CarriedEvent[]): RunEvent[] {
  return events.flatMap(({ event, body: raw, sequence, at }) => {
    const body = isKind(event) ? readCurrent(event, raw) : undefined;
    return body ? [{ kind: event, body, sequence, at } as RunEvent] : [];
  });
}

/** Who writes `carried` has read what it carries, so nothing in it can be newer than itself. */
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
 * Results in a message that is malformed as a whole (not an array, of an unknown version) may still name their attempts.
 * These fail, saying why: their tasks may have left the queue, and then nobody would try again.
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

/** The body of an event, or undefined where the bytes are no such event. Throws {@link NewerVersion}. */
export function readEventBody<K extends EventKind>(kind: K, data: Uint8Array): EventBody<K> | undefined {
  try {
    return readBody(kind, decodeJson(data)).body;
  } catch (error) {
    if (error instanceof NewerVersion) throw error;
    return undefined;
  }
}
