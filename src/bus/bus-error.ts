export type BusErrorCode =
  | "no-responders"
  | "timeout"
  | "too-large"
  | "subject-taken"
  | "wrong-sequence"
  | "full"
  | "no-stream"
  | "unconfirmed"
  | "unreachable"
  | "closed"
  | "failed";

/** The one error the port throws. `failed` is anything the port has no word for; `cause` has the adapter's own error. */
export class BusError extends Error {
  readonly code: BusErrorCode;
  constructor(code: BusErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "BusError";
    this.code = code;
  }
}

export function isBusError(error: unknown, ...codes: BusErrorCode[]): error is BusError {
  return error instanceof BusError && (codes.length === 0 || codes.includes(error.code));
}

/** Trouble that passes: the same call may go through later. */
export const isPassing = (error: unknown): error is BusError =>
  isBusError(error, "no-responders", "timeout", "unconfirmed", "unreachable", "full");
