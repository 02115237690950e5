import { errors, TimeoutError } from "@nats-io/transport-node";
import { BusError, type BusErrorCode } from "../port.ts";

/** The error in an answer of JetStream. */
export interface ApiErrorBody {
  readonly code: number;
  readonly err_code?: number;
  readonly description?: string;
}

/** A refusal by the JetStream API, with its number (`err_code`). */
export class JetStreamError extends BusError {
  readonly number: number;
  constructor(what: string, error: ApiErrorBody) {
    super(
      codeOf(error),
      `${what}: ${error.description ?? "no description"} (JetStream ${error.err_code ?? error.code})`,
    );
    this.number = error.err_code ?? 0;
  }
}

/** Numbers from `server/errors.json` of nats-server; those of appends were seen on 2.9.10 and 2.15.2. */
export const jetStreamNumber = {
  temporarilyUnavailable: 10008,
  clusterNotAvailable: 10009,
  consumerNotFound: 10014,
  consumerExists: 10013,
  insufficientResources: 10023,
  memoryExceeded: 10028,
  noMessage: 10037,
  notEnabledForAccount: 10039,
  storageExceeded: 10047,
  messageTooLarge: 10054,
  streamExists: 10058,
  streamNotFound: 10059,
  wrongLastSequence: 10071,
  notEnabled: 10076,
  storeFailed: 10077,
  streamOffline: 10118,
  wrongLastSequenceUnknown: 10164,
  tooManyRequests: 10167,
} as const;

/** Whether JetStream is starting or electing a leader, so that a later attempt may succeed. */
export function isPassing(error: ApiErrorBody): boolean {
  const n = jetStreamNumber;
  return ([n.temporarilyUnavailable, n.clusterNotAvailable, n.streamOffline] as number[]).includes(error.err_code ?? 0);
}

function codeOf(error: ApiErrorBody): BusErrorCode {
  const n = jetStreamNumber;
  const description = error.description ?? "";
  switch (error.err_code) {
    case n.wrongLastSequence:
    case n.wrongLastSequenceUnknown:
      return "wrong-sequence";
    case n.storeFailed:
      // The store has one number for all its refusals; only the description differs.
      if (description.includes("per subject")) return "subject-taken";
      return /maximum (messages|bytes)|no space/.test(description) ? "full" : "failed";
    case n.insufficientResources:
    case n.memoryExceeded:
    case n.storageExceeded:
    case n.tooManyRequests:
      return "full";
    case n.messageTooLarge:
      return "too-large";
    case n.streamNotFound:
      return "no-stream";
    case n.temporarilyUnavailable:
    case n.clusterNotAvailable:
    case n.streamOffline:
      return "unconfirmed";
    default:
      return "failed";
  }
}

/** Thrown inside the adapter when the connection is lost during a request. */
export class ConnectionLost extends Error {
  constructor() {
    super("the connection was lost");
    this.name = "ConnectionLost";
  }
}

export function closedError(): BusError {
  return new BusError("closed", "the connection to NATS is closed");
}

export function isNoResponders(error: unknown): boolean {
  return (
    error instanceof errors.NoRespondersError ||
    (error instanceof errors.RequestError && error.isNoResponders() === true)
  );
}

/** Converts any error of nats.js to one of the port. `what` names the operation and its object. */
export function toBusError(error: unknown, what: string): BusError {
  if (error instanceof BusError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const options = { cause: error };
  if (isNoResponders(error)) return new BusError("no-responders", `${what}: no subscriber answers there`, options);
  if (error instanceof TimeoutError) return new BusError("timeout", `${what}: no answer in time`, options);
  if (error instanceof ConnectionLost) return new BusError("unconfirmed", `${what}: ${message}`, options);
  if (error instanceof errors.ClosedConnectionError || error instanceof errors.DrainingConnectionError) {
    return new BusError("closed", `${what}: the connection to NATS is closed`, options);
  }
  if (message.includes("max_payload")) {
    return new BusError("too-large", `${what}: larger than the server's max_payload`, options);
  }
  return new BusError("failed", `${what}: ${message}`, options);
}
