import type { StoredMessage } from "../bus/port.ts";
import { type LogAddress, parseLogSubject, type Subjects } from "../bus/subjects.ts";
import { messageOf } from "../core/error.ts";
import {
  type CarriedEvent,
  EVENT_SCHEMAS,
  type EventBody,
  type EventKind,
  type RunEvent,
  result,
} from "../core/event.ts";
import { decodeJson } from "../core/json.ts";
import { describeProblems, problemsOf } from "../core/problem.ts";
import { upcast } from "../core/upcast.ts";

export interface ReadEvent extends LogAddress {
  readonly event: string;
  /** Undefined when the message is no event this build can read. */
  readonly read: RunEvent | undefined;
  /** What is wrong with the message. */
  readonly problem?: string;
}

const isKind = (text: string): text is EventKind => Object.hasOwn(EVENT_SCHEMAS, text);

/** Reads a message of the log. What cannot be read changes nothing: the fold passes over it, everywhere alike. */
export function readLogMessage(subjects: Subjects, message: StoredMessage): ReadEvent {
  const address = parseLogSubject(subjects, message.subject);
  const unreadable = (problem: string): ReadEvent => ({ ...address, read: undefined, problem });
  if (!isKind(address.event)) return unreadable(`unknown event ${address.event}`);
  try {
    const { body, problem } = readBody(address.event, decodeJson(message.data));
    if (!body) return unreadable(problem!);
    const read = { kind: address.event, body, sequence: message.sequence, at: message.timestamp } as RunEvent;
    return { ...address, read, ...(problem !== undefined && { problem }) };
  } catch (error) {
    return unreadable(messageOf(error));
  }
}

/** The events that a `carried` stands for, as the log had them. What cannot be read is passed over, as in the log. */
export function readCarried(events: readonly CarriedEvent[]): RunEvent[] {
  return events.flatMap(({ event, body: raw, sequence, at }) => {
    const body = isKind(event) ? readBody(event, raw).body : undefined;
    return body ? [{ kind: event, body, sequence, at } as RunEvent] : [];
  });
}

function readBody<K extends EventKind>(kind: K, raw: unknown): { body: EventBody<K> | undefined; problem?: string } {
  let problem: string;
  try {
    const current = upcast(kind, raw);
    const parsed = EVENT_SCHEMAS[kind].safeParse(current);
    if (parsed.success) return { body: parsed.data as EventBody<K> };
    problem = describeProblems(problemsOf(parsed.error, current));
  } catch (error) {
    problem = messageOf(error);
  }
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

/** The body of an event, or undefined where the bytes are no such event. */
export function readEventBody<K extends EventKind>(kind: K, data: Uint8Array): EventBody<K> | undefined {
  try {
    return readBody(kind, decodeJson(data)).body;
  } catch {
    return undefined;
  }
}
