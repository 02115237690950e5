import { createHash } from "node:crypto";
import { type Headers, header, isBusError } from "../bus/port.ts";
import { sleep } from "../core/clock.ts";
import { invalid, messageOf, TuttiError } from "../core/error.ts";
import { type Submitted, VERSION } from "../core/event.ts";
import { shardOf } from "../core/hash.ts";
import { decodeJson, encodeJson, findNonJson, isNestedDeeper, type Json, MAX_NESTING } from "../core/json.ts";
import { isName, NAME_EXPECTED } from "../core/names.ts";
import { DEFAULT_RETRY } from "../core/policy.ts";
import { type Problem, problemsOf, show } from "../core/problem.ts";
import { DEFAULT_TENANT, HEADERS, type RequestHeaders, requestHeaders } from "../core/request.ts";
import { FOLD_VERSION } from "../fold/apply.ts";
import { parseTraceparent } from "../telemetry/trace-context.ts";
import type { Admission, Entry } from "./admission.ts";
import { INLINE_LIMIT } from "./blobs.ts";
import type { Host } from "./host.ts";
import { readEventBody } from "./log-event.ts";

/** A request that has been found right, before anything is written. */
export interface Request {
  readonly type: string;
  readonly input: Json;
  readonly headers: RequestHeaders;
  readonly trace: string | undefined;
  /** Where the caller waits for the outcome, if it does. */
  readonly replyTo?: string;
}

export interface Submission {
  readonly tenant: string;
  readonly run: string;
  /** False when the same request had been made before. */
  readonly isNew: boolean;
}

/** Reads and checks a request. Rejects with a {@link TuttiError} 400 or 404, and has done nothing then. */
export async function readRequest(
  host: Host,
  type: string,
  message: { data: Uint8Array; headers?: Headers },
): Promise<Request> {
  if (!isName(type)) throw invalid("the task type", [nameProblem(type)]);
  const headers = readHeaders(message);
  const input = readBody(message.data);
  if (!(await host.types.find(type))) {
    const known = host.types.list().map((one) => one.type);
    const message = `unknown task type ${show(type)}: no worker ever registered it`;
    throw new TuttiError(404, `${message}; registered are ${known.join(", ") || "none yet"}`, {
      expected: known.join(", ") || "a registered task type",
      received: type,
    });
  }
  const problems = host.types.problemsWithInput(type, input);
  if (problems.length > 0) throw invalid(`the input of ${type} is invalid`, problems);
  // One that is malformed is no trace context, and would travel with every task.
  const trace = header(message, HEADERS.trace);
  return { type, input, headers, trace: trace !== undefined && parseTraceparent(trace) ? trace : undefined };
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

function readHeaders({ headers = {} }: { headers?: Headers }): RequestHeaders {
  const raw: Record<string, string> = {};
  let isUsual = true;
  for (const key in headers) {
    const name = REQUEST_HEADERS.get(key.toLowerCase());
    if (name === undefined || headers[key] === "") continue;
    // As `header` has it: one that is spelled right counts first.
    if (key === name || raw[name] === undefined) raw[name] = headers[key]!;
    isUsual &&= name === HEADERS.run;
  }
  const run = raw[HEADERS.run];
  // Nearly all say which run it is, and nothing else.
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
    input = decodeJson(data);
  } catch (error) {
    const received = show(new TextDecoder().decode(data.subarray(0, 100)));
    throw invalid("the request is no JSON", [
      { path: "", message: messageOf(error), expected: "JSON (UTF-8)", received },
    ]);
  }
  // JSON.parse reads any depth, and 1e999 as Infinity; neither could be written again.
  const odd = isNestedDeeper(input, MAX_NESTING) ? `nested deeper than ${MAX_NESTING} levels` : findNonJson(input);
  if (odd) throw invalid("the request cannot be taken", [{ path: "", message: odd, expected: "JSON" }]);
  return input as Json;
}

/**
 * Makes a request durable. With `replyTo`, a new run's owner answers the caller. `run` is the id of one that names none;
 * `patient`: nobody waits for an answer. Rejects with 409 (the id is another request's) or 503 (there is no room for
 * another run, or the log does not take it).
 */
export async function submit(
  host: Host,
  admission: Admission,
  request: Request,
  options: { readonly run?: string; readonly patient?: boolean } = {},
): Promise<Submission> {
  const { bus, topology, clock } = host;
  const { type, input, headers } = request;
  const tenant = headers[HEADERS.tenant];
  const run = headers[HEADERS.run] ?? options.run ?? clock.id();
  const text = encodeJson(input);
  const digest = createHash("sha256").update(type).update("\0").update(canonical(input)).digest("base64url");
  const shard = shardOf(run, host.shards);
  const subject = topology.subjects.log(tenant, shard, run, "submitted");
  let entry: Entry;
  try {
    entry = await admission.enter({ tenant, shard, run }, text.length, options.patient === true);
  } catch (error) {
    // Whoever repeats a request must find its run, however full it is.
    const isKnown =
      headers[HEADERS.run] !== undefined && (await bus.getLastMessage(topology.streams.log.name, subject));
    if (isKnown) return compare(host, subject, { tenant, run }, digest);
    throw error;
  }
  let isStored = false;
  try {
    const data = encodeJson(await describe(host, request, text, digest));
    const submission = await store(host, subject, data, { tenant, run }, digest);
    isStored = submission.isNew;
    return submission;
  } finally {
    entry.done(isStored);
  }
}

async function describe(
  { types, blobs }: Host,
  { type, input, headers, trace, replyTo }: Request,
  text: Uint8Array,
  digest: string,
): Promise<Submitted> {
  const { policy } = types.peek(type) ?? {};
  return {
    v: VERSION,
    type,
    ...(text.length <= INLINE_LIMIT ? { input } : { inputRef: await blobs.put(text) }),
    policy: { ...policy, retry: { ...DEFAULT_RETRY, ...policy?.retry } },
    priority: headers[HEADERS.priority] ?? policy?.priority ?? "normal",
    ...(headers[HEADERS.deadline] !== undefined && { deadlineMs: headers[HEADERS.deadline] }),
    ...(headers[HEADERS.requester] !== undefined && { requester: headers[HEADERS.requester] }),
    ...(replyTo !== undefined && { replyTo }),
    ...(trace && { trace }),
    digest,
    fold: FOLD_VERSION,
  };
}

async function store(
  host: Host,
  subject: string,
  data: Uint8Array,
  at: { readonly tenant: string; readonly run: string },
  digest: string,
): Promise<Submission> {
  const { bus, clock } = host;
  for (let tries = 1; ; tries++) {
    try {
      await bus.append(subject, data, { expectLastSubjectSequence: 0 });
      return { ...at, isNew: true };
    } catch (error) {
      if (isBusError(error, "wrong-sequence")) return await compare(host, subject, at, digest);
      // Storing it twice is refused, so it can be repeated.
      if (isBusError(error, "unconfirmed") && tries < 5) {
        await sleep(clock, 200 * tries);
        continue;
      }
      throw new TuttiError(
        503,
        `the request could not be stored: ${messageOf(error)}`,
        { run: at.run },
        { cause: error },
      );
    }
  }
}

async function compare(
  host: Host,
  subject: string,
  at: { tenant: string; run: string },
  digest: string,
): Promise<Submission> {
  const stored = await host.bus.getLastMessage(host.topology.streams.log.name, subject);
  const first = stored && readEventBody("submitted", stored.data);
  if (first?.digest === digest) return { ...at, isNew: false };
  throw new TuttiError(409, `run ${at.run} exists already, with another type or input`, {
    path: HEADERS.run,
    expected: "an id that is new, or the same type and input as before",
    received: at.run,
    run: at.run,
  });
}

/** The same text for the same JSON, whatever the order of its keys. */
function canonical(value: Json): string {
  return JSON.stringify(value, (_, item: Json) =>
    item !== null && typeof item === "object" && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}
