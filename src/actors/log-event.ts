import type { StoredMessage } from "../bus/port.ts";
import { type LogAddress, parseLogSubject, type Subjects } from "../bus/subjects.ts";
import { messageOf } from "../core/error.ts";
import { EVENT_SCHEMAS, type EventKind, type RunEvent } from "../core/event.ts";
import { decodeJson } from "../core/json.ts";
import { describeProblems, problemsOf } from "../core/problem.ts";

export interface ReadEvent extends LogAddress {
  readonly event: string;
  /** Undefined when the message is no event this build can read; `problem` says why. */
  readonly read: RunEvent | undefined;
  readonly problem?: string;
}

const isKind = (text: string): text is EventKind => Object.hasOwn(EVENT_SCHEMAS, text);

/** Reads a message of the log. What cannot be read changes nothing: the fold passes over it, everywhere alike. */
export function readLogMessage(subjects: Subjects, message: StoredMessage): ReadEvent {
  const address = parseLogSubject(subjects, message.subject);
  const unreadable = (problem: string): ReadEvent => ({ ...address, read: undefined, problem });
  if (!isKind(address.event)) return unreadable(`unknown event ${address.event}`);
  try {
    const raw = decodeJson(message.data);
    const parsed = EVENT_SCHEMAS[address.event].safeParse(raw);
    if (!parsed.success) return unreadable(describeProblems(problemsOf(parsed.error, raw)));
    const read = { kind: address.event, body: parsed.data, sequence: message.sequence, at: message.timestamp };
    return { ...address, read: read as RunEvent };
  } catch (error) {
    return unreadable(messageOf(error));
  }
}
