import { z } from "zod";
import { aftermath } from "./aftermath.ts";
import { policy } from "./policy.ts";
import { describeProblems, MAX_PROBLEMS, type Problem } from "./problem.ts";
import { cutDetails, cutMessage, errorDetails } from "./thrown.ts";

export { cutMessage, messageOf } from "./thrown.ts";

/** The same in every copy of this package: the one that a handler's module imports may be another. */
const terminal = Symbol.for("tutti.terminal");
const retryable = Symbol.for("tutti.retryable");
const deferred = Symbol.for("tutti.deferred");
const told = Symbol.for("tutti.error");

/**
 * What a handler throws to decide itself whether another attempt makes sense. Any other error is retryable, but for a
 * {@link TuttiError} 400: what is invalid stays so.
 */
export class TerminalError extends Error {
  override readonly name: string = "TerminalError";

  get [terminal](): true {
    return true;
  }
}

/** Fails this attempt; the next one begins no sooner than `retryAfterMs` (default: as the policy says). */
export class RetryableError extends Error {
  override readonly name: string = "RetryableError";
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options: ErrorOptions & { retryAfterMs?: number } = {}) {
    super(message, options);
    this.retryAfterMs = options.retryAfterMs;
  }

  get [retryable](): true {
    return true;
  }
}

/**
 * Says "not now": the attempt could not do its work at this moment, for a reason that is not the task's, such as an open
 * circuit breaker or a provider's limit. It counts neither as an attempt nor towards poison. The task is tried again at `until`
 * (a Date, or milliseconds since the epoch) or after `retryAfterMs`, whichever is later; without either, after a backoff
 * that begins at a second and grows with each deferral, to 30 s. The message is shown as the reason.
 *
 * @example
 * if (response.status === 429) throw new DeferredError("the provider's limit is reached", { retryAfterMs: 20_000 });
 */
export class DeferredError extends Error {
  override readonly name: string = "DeferredError";
  readonly until: Date | number | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options: ErrorOptions & { until?: Date | number; retryAfterMs?: number } = {}) {
    super(message, options);
    this.until = options.until;
    this.retryAfterMs = options.retryAfterMs;
  }

  get [deferred](): true {
    return true;
  }
}

export const isDeferred = (error: unknown): error is DeferredError => isMarked(error, deferred);
export const isTerminal = (error: unknown): error is TerminalError => isMarked(error, terminal);
export const isRetryable = (error: unknown): error is RetryableError => isMarked(error, retryable);

/** Whether an error has that mark. What is thrown may be a proxy that throws when it is looked at: it has none. */
function isMarked(error: unknown, mark: symbol): boolean {
  try {
    return error instanceof Error && mark in error;
  } catch {
    return false;
  }
}

/** How an attempt failed, as it travels in a result. */
export const taskError = z.object({
  /** `retryable`: by policy; `terminal`: never again; `cancelled`: aborted on request; `poison`: it keeps killing its worker. */
  kind: z.enum(["retryable", "terminal", "cancelled", "poison"]),
  message: z.string(),
  retryAfterMs: z.number().min(0).optional(),
  /** The policy of the task's type, for a task whose plan states none. */
  policy: policy.optional(),
  ...errorDetails.shape,
});
export type TaskError = z.output<typeof taskError>;

/** The same error within the bounds of what is kept of one: a foreign worker may send any amount. */
export const cutTaskError = ({ name, errorCode, stack, causes, ...error }: TaskError): TaskError => ({
  ...error,
  message: cutMessage(error.message),
  ...cutDetails({ name, errorCode, stack, causes }),
});

/** 400 invalid, 404 unknown, 408 deadline, 409 conflict, 422 the run failed, 499 cancelled, 503 full or nobody ready, 500 a fault of Tutti itself. */
export const ERROR_CODES = [400, 404, 408, 409, 422, 499, 500, 503] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

/** The body of an error reply, and of `ended`. */
export const wireError = z.object({
  code: z.union(ERROR_CODES.map((code) => z.literal(code))),
  message: z.string(),
  /** Where: a JSON pointer into the request, or the failing task's path. */
  path: z.string().optional(),
  expected: z.string().optional(),
  received: z.string().optional(),
  run: z.string().optional(),
  /** The failing task's path in the tree. */
  task: z.string().optional(),
  /** Everything that was found wrong, when it is more than one thing. */
  problems: z
    .array(
      z.object({
        path: z.string(),
        message: z.string(),
        expected: z.string().optional(),
        received: z.string().optional(),
      }),
    )
    .optional(),
  /** What is known of the error that a task failed with, beside its message. */
  ...errorDetails.shape,
  ...aftermath.shape,
});
export type WireError = z.output<typeof wireError>;

/** Every failure a caller of Tutti meets; `code` says which, as in the wire protocol. */
export class TuttiError extends Error {
  override readonly name = "TuttiError";
  readonly code: ErrorCode;
  readonly details: Omit<WireError, "code" | "message">;

  constructor(
    code: ErrorCode,
    message: string,
    details: Omit<WireError, "code" | "message"> = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.code = code;
    this.details = details;
  }

  get [told](): true {
    return true;
  }

  toJSON(): WireError {
    return { code: this.code, message: this.message, ...this.details };
  }

  static fromWire(error: WireError): TuttiError {
    const { code, message, ...details } = error;
    return new TuttiError(code, message, details);
  }
}

/** Whether an error of any copy of this package says that something is invalid, a plan for example: it stays so. */
export function isInvalid(error: unknown): error is TuttiError {
  try {
    return isMarked(error, told) && (error as TuttiError).code === 400;
  } catch {
    return false;
  }
}

/** 400, with all that is wrong in the message and the first in `path`, `expected` and `received`. */
export function invalid(what: string, problems: readonly Problem[]): TuttiError {
  const [first] = problems;
  return new TuttiError(400, `${what}: ${describeProblems(problems)}`, {
    ...(first && { path: first.path }),
    ...(first?.expected && { expected: first.expected }),
    ...(first?.received && { received: first.received }),
    ...(problems.length > 1 && { problems: problems.slice(0, MAX_PROBLEMS) }),
  });
}
