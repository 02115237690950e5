import { type Headers, header, MAX_HEADER_BYTES } from "../../bus/port.ts";
import { invalid, messageOf, TuttiError } from "../../core/error.ts";
import { decodeExact, InexactNumber } from "../../core/exact-json.ts";
import { findNonJson, isNestedDeeper, type Json, MAX_NESTING } from "../../core/json.ts";
import { isName, isOwnersType, NAME_EXPECTED } from "../../core/names.ts";
import { type Problem, problemsOf, show } from "../../core/problem.ts";
import { DEFAULT_TENANT, HEADERS, type RequestHeaders, requestHeaders } from "../../core/request.ts";
import { parseTraceparent } from "../../telemetry/trace-context.ts";
import type { Runtime } from "../host/runtime.ts";
import { checkOwnersInput } from "./sent-plan.ts";

/** A request that has been checked, before anything is written. */
export interface Request {
  readonly type: string;
  readonly input: Json;
  readonly headers: RequestHeaders;
  readonly trace: string | undefined;
  /** The subject on which the caller waits for the outcome, if it does. */
  readonly replyTo?: string;
}

interface ReceivedRequest {
  readonly data: Uint8Array;
  readonly headers?: Headers | undefined;
  readonly oversizedHeaders?: number | undefined;
}

/** Throws a {@link TuttiError} 400 for headers that were not read because they are too large. */
export function checkHeaderBytes({ oversizedHeaders }: Pick<ReceivedRequest, "oversizedHeaders">): void {
  if (oversizedHeaders === undefined) return;
  const expected = `headers of at most ${MAX_HEADER_BYTES} bytes`;
  throw invalid("the request's headers are too large", [
    { path: "", message: `expected ${expected}`, expected, received: `${oversizedHeaders} bytes` },
  ]);
}

/** Reads and checks a request, without any effect. Rejects with a {@link TuttiError} 400 or 404. */
export async function readRequest(runtime: Runtime, type: string, message: ReceivedRequest): Promise<Request> {
  if (!isName(type)) throw invalid("the task type", [nameProblem(type)]);
  checkHeaderBytes(message);
  const headers = readHeaders(message);
  const input = readBody(message.data);
  const trace = header(message, HEADERS.trace);
  // A malformed trace context is dropped, since it would be sent with every task.
  const request = { type, input, headers, trace: trace !== undefined && parseTraceparent(trace) ? trace : undefined };
  if (isOwnersType(type)) {
    await checkOwnersInput(runtime, type, input);
    return request;
  }
  if (!(await runtime.types.find(type))) {
    const known = runtime.types.list().map((one) => one.type);
    const message = `unknown task type ${show(type)}: no worker ever registered it`;
    throw new TuttiError(404, `${message}; registered are ${known.join(", ") || "none yet"}`, {
      expected: known.join(", ") || "a registered task type",
      received: type,
    });
  }
  const problems = runtime.types.problemsWithInput(type, input);
  if (problems.length > 0) throw invalid(`the input of ${type} is invalid`, problems);
  return request;
}

const nameProblem = (type: string): Problem => ({
  path: "",
  message: `expected ${NAME_EXPECTED}`,
  expected: NAME_EXPECTED,
  received: show(type),
});

const REQUEST_HEADERS: ReadonlyMap<string, string> = new Map(
  Object.keys(requestHeaders.shape).map((name) => [name.toLowerCase(), name]),
);

function readHeaders({ headers = {} }: { headers?: Headers | undefined }): RequestHeaders {
  const raw: Record<string, string> = {};
  let isUsual = true;
  for (const key in headers) {
    const name = REQUEST_HEADERS.get(key.toLowerCase());
    if (name === undefined || headers[key] === "") continue;
    // The exact spelling takes precedence.
    if (key === name || raw[name] === undefined) raw[name] = headers[key]!;
    isUsual &&= name === HEADERS.run;
  }
  const run = raw[HEADERS.run];
  // Nearly all requests have only the run's id, which this reads without a schema.
  if (isUsual && (run === undefined || isName(run)))
    return { [HEADERS.tenant]: DEFAULT_TENANT, ...(run !== undefined && { [HEADERS.run]: run }) };
  const parsed = requestHeaders.safeParse(raw);
  if (!parsed.success) throw invalid("the request's headers are invalid", problemsOf(parsed.error, raw));
  return parsed.data;
}

function readBody(data: Uint8Array): Json {
  if (data.length === 0)
    throw invalid("the request is empty", [
      { path: "", message: "expected the input as JSON", expected: "JSON", received: "nothing" },
    ]);
  let input: unknown;
  try {
    input = decodeExact(data);
  } catch (error) {
    if (error instanceof InexactNumber)
      throw invalid("the request cannot be taken", [
        {
          path: error.path,
          message: error.message,
          expected: "a number that can be held exactly",
          received: error.literal,
        },
      ]);
    const received = show(new TextDecoder().decode(data.subarray(0, 100)));
    throw invalid("the request is not JSON", [
      { path: "", message: messageOf(error), expected: "JSON (UTF-8)", received },
    ]);
  }
  // JSON.parse reads any nesting depth, but JSON.stringify cannot write it again.
  const odd = isNestedDeeper(input, MAX_NESTING) ? `nested deeper than ${MAX_NESTING} levels` : findNonJson(input);
  if (odd) throw invalid("the request cannot be taken", [{ path: "", message: odd, expected: "JSON" }]);
  return input as Json;
}
