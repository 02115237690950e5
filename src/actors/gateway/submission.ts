import { createHash } from "node:crypto";
import { isBusError } from "../../bus/port.ts";
import { mostBytes } from "../../bus/sizes.ts";
import { sleep } from "../../core/clock.ts";
import { messageOf, TuttiError } from "../../core/error.ts";
import type { Submitted } from "../../core/event.ts";
import { shardOf } from "../../core/hash.ts";
import { encodeJson, type Json } from "../../core/json.ts";
import { isOwnersType } from "../../core/names.ts";
import { DEFAULT_RETRY } from "../../core/policy.ts";
import { HEADERS } from "../../core/request.ts";
import { FOLD_VERSION } from "../../fold/apply.ts";
import type { Runtime } from "../host/runtime.ts";
import { readEventBody } from "../log/log-event.ts";
import type { Admission, Entry } from "./admission.ts";
import type { Request } from "./request-reading.ts";

/** The bytes that are reserved for the other fields of `submitted`, up to half of a message. */
const ENVELOPE = 2048;

export interface Submission {
  readonly tenant: string;
  readonly run: string;
  /** False if the same request was made before. */
  readonly isNew: boolean;
}

/**
 * Makes a request durable. With `replyTo`, the owner of a new run answers the caller. `run` is the id for a request
 * without one; with `patient`, no caller waits for an answer. Rejects with 409 (the id belongs to another request) or
 * 503 (there is no room for another run, or the log does not accept it).
 */
export async function submit(
  runtime: Runtime,
  admission: Admission,
  request: Request,
  options: { readonly run?: string; readonly patient?: boolean } = {},
): Promise<Submission> {
  const { bus, topology, clock } = runtime;
  const { type, input, headers } = request;
  const tenant = headers[HEADERS.tenant];
  const run = headers[HEADERS.run] ?? options.run ?? clock.id();
  const text = encodeJson(input);
  const digest = createHash("sha256").update(type).update("\0").update(canonical(input)).digest("base64url");
  const shard = shardOf(run, runtime.shards);
  const subject = topology.subjects.log(tenant, shard, run, "submitted");
  let entry: Entry;
  try {
    entry = await admission.enter({ tenant, shard, run }, text.length, options.patient === true);
  } catch (error) {
    // A caller that repeats a request must find its run, even if the log is full.
    const isKnown =
      headers[HEADERS.run] !== undefined && (await bus.getLastMessage(topology.streams.log.name, subject));
    if (isKnown) return compare(runtime, subject, { tenant, run }, digest);
    throw error;
  }
  let isStored = false;
  try {
    const data = encodeJson(await describe(runtime, request, text, digest));
    const submission = await store(runtime, subject, data, { tenant, run }, digest);
    isStored = submission.isNew;
    return submission;
  } finally {
    entry.done(isStored);
  }
}

async function describe(
  { types, blobs, bus }: Runtime,
  { type, input, headers, trace, replyTo }: Request,
  text: Uint8Array,
  digest: string,
): Promise<Submitted> {
  const { policy } = types.peek(type) ?? {};
  const room = mostBytes(bus);
  return {
    v: isOwnersType(type) ? 2 : 1,
    type,
    ...(text.length <= room - Math.min(ENVELOPE, room / 2) ? { input } : { inputRef: await blobs.put(text) }),
    policy: { ...policy, retry: { ...DEFAULT_RETRY, ...policy?.retry } },
    priority: headers[HEADERS.priority] ?? policy?.priority ?? "normal",
    ...(headers[HEADERS.deadline] !== undefined && { deadlineMs: headers[HEADERS.deadline] }),
    ...(headers[HEADERS.requester] !== undefined && { requester: headers[HEADERS.requester] }),
    ...(headers[HEADERS.tags] !== undefined && { tags: headers[HEADERS.tags] }),
    ...(replyTo !== undefined && { replyTo }),
    ...(trace && { trace }),
    digest,
    fold: FOLD_VERSION,
  };
}

async function store(
  runtime: Runtime,
  subject: string,
  data: Uint8Array,
  at: { readonly tenant: string; readonly run: string },
  digest: string,
): Promise<Submission> {
  const { bus, clock } = runtime;
  for (let tries = 1; ; tries++) {
    try {
      await bus.append(subject, data, { expectLastSubjectSequence: 0 });
      return { ...at, isNew: true };
    } catch (error) {
      if (isBusError(error, "wrong-sequence")) return await compare(runtime, subject, at, digest);
      // The expected sequence prevents storing it twice, so the append can be repeated.
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
  runtime: Runtime,
  subject: string,
  at: { tenant: string; run: string },
  digest: string,
): Promise<Submission> {
  const stored = await runtime.bus.getLastMessage(runtime.topology.streams.log.name, subject);
  const first = stored && readEventBody("submitted", stored.data);
  if (first?.digest === digest) return { ...at, isNew: false };
  throw new TuttiError(409, `run ${at.run} exists already, with another type or input`, {
    path: HEADERS.run,
    expected: "an id that is new, or the same type and input as before",
    received: at.run,
    run: at.run,
  });
}

/** A text that is the same for the same JSON, regardless of the order of its keys. */
function canonical(value: Json): string {
  return JSON.stringify(value, (_, item: Json) =>
    item !== null && typeof item === "object" && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}
