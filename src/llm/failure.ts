import { APIConnectionError, APIConnectionTimeoutError, APIError } from "openai";
import { formatDuration } from "../core/duration.ts";
import { messageOf, RetryableError, TerminalError } from "../core/error.ts";
import type { CallScope } from "./call-scope.ts";
import { type Endpoint, redact } from "./endpoint.ts";
import { notNow } from "./not-now.ts";
import { retryAfterMs } from "./rate-headers.ts";

/**
 * What went wrong with one request.
 *
 * The SDK's own errors are not kept as a `cause`: they hold the answer's body and headers, and what is thrown here is
 * logged, stored and shown, where a key that some server echoes must never be.
 */
export interface Failure {
  /** What the caller is to see. */
  readonly error: unknown;
  /** The value of `error.type`: a status, a system error code, or a word. */
  readonly type: string;
  /**
   * `endpoint`: it does not work, which is what a breaker counts. `request`: it works, and refuses this. `nobody`: the
   * caller gave up, and nothing was learnt.
   */
  readonly fault: "endpoint" | "request" | "nobody";
}

/** The endpoint refused the request itself, so that sending the same again does not help. */
export class RequestRefused extends TerminalError {
  readonly status: number;
  /** The parameter it names, its code and its message. */
  readonly about: string;

  constructor(message: string, status: number, about: string) {
    super(message);
    this.status = status;
    this.about = about;
  }
}

/** The endpoint answered, but with something that is not a chat completion. */
export class UnusableAnswer extends Error {
  override readonly name = "UnusableAnswer";
}

/** Statuses that say "not now" although they are in the range of "never": timeout, conflict, too early, too many. */
const LATER = new Set([408, 409, 425, 429]);

export function describeFailure(raw: unknown, call: CallScope, endpoint: Endpoint, model: string): Failure {
  const clean = (text: string) => redact(text, endpoint);
  const failed = (message: string, type: string, retryAfterMs?: number): Failure => ({
    error: new RetryableError(`${endpoint.name}: ${message}`, retryAfterMs === undefined ? {} : { retryAfterMs }),
    type,
    fault: "endpoint",
  });

  if (call.timedOut) return failed(`no answer from ${model} within ${formatDuration(call.timeoutMs)}`, "timeout");
  if (call.signal.aborted) return { error: call.signal.reason, type: "cancelled", fault: "nobody" };
  if (raw instanceof APIConnectionTimeoutError) return failed("the connection timed out", "timeout");
  if (raw instanceof APIConnectionError) {
    const code = systemCodeOf(raw);
    return failed(`cannot be reached (${clean(code ?? messageOf(raw))})`, code ?? "connection");
  }
  if (raw instanceof APIError) {
    const status = raw.status as number | undefined;
    // The SDK puts the status in front of the server's message.
    const said = clean(raw.message.replace(/^\d{3} /, ""));
    if (status === undefined) return failed(`broke off with the error: ${said}`, "stream_error");
    const message = `answered ${status}: ${said}`;
    if (status >= 500 || LATER.has(status)) {
      const after = retryAfterMs(raw.headers);
      // With the moment to come again it is no failure of the task: "not now".
      const isNotNow = after !== undefined && (status === 429 || status === 503);
      const failure = isNotNow
        ? { ...failed(message, String(status)), error: notNow(`${endpoint.name}: ${message}`, after) }
        : failed(message, String(status), after);
      // An endpoint that answers "too many" works; a breaker that opened on it would turn a limit into an outage.
      return status >= 500 || status === 408 ? failure : { ...failure, fault: "request" };
    }
    const hint = status === 404 ? ` (model ${model}; TUTTI_MODEL chooses another)` : "";
    const about = clean([raw.param, raw.code, said].filter((part) => typeof part === "string").join(" "));
    const error = new RequestRefused(`${endpoint.name}: ${message}${hint}`, status, about);
    return { error, type: String(status), fault: "request" };
  }
  if (raw instanceof UnusableAnswer || raw instanceof SyntaxError)
    return failed(`the answer is not a chat completion: ${clean(messageOf(raw))}`, "invalid_response");
  const code = systemCodeOf(raw);
  return failed(`the answer broke off (${clean(code ?? messageOf(raw))})`, code ?? "connection");
}

/** `ECONNREFUSED` and the like, wherever in the chain of causes it stands. */
function systemCodeOf(error: unknown): string | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++)
    if ("code" in at && typeof at.code === "string" && /^[A-Z][A-Z0-9_]+$/.test(at.code)) return at.code;
  return undefined;
}
