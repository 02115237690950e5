import {
  BusError,
  type ConsumerDefinition,
  isBusError,
  type StoredMessage,
  type StreamDefinition,
  type StreamState,
} from "../port.ts";
import { filtersOverlap } from "../subject-match.ts";
import { JetStreamError, jetStreamNumber } from "./errors.ts";
import type { Link } from "./link.ts";
import { parseHeaders } from "./message.ts";

/** The server refuses less, and two minutes is its default for what is longer. */
const SHORTEST_AGE_MS = 100;
const DUPLICATE_WINDOW_NS = 120e9;
/** Pull requests that may wait at one consumer, of all workers together. The server's 512 is one large worker's. */
const MAX_WAITING = 8192;

type Config = Readonly<Record<string, unknown>>;

/** The server's form of a definition. All that the definition leaves open is written out, so that removing a limit works. */
export function streamConfig(definition: StreamDefinition): Config {
  return {
    name: definition.name,
    subjects: definition.subjects,
    retention: definition.retention === "work-queue" ? "workqueue" : "limits",
    max_msgs: definition.maxMessages ?? -1,
    max_bytes: definition.maxBytes ?? -1,
    max_msgs_per_subject: definition.onePerSubject ? 1 : -1,
    discard: definition.whenFull === "drop-oldest" ? "old" : "new",
    discard_new_per_subject: definition.onePerSubject ?? false,
    num_replicas: definition.replicas ?? 1,
    ...ageConfig(definition.maxAgeMs),
    allow_direct: true,
    storage: "file",
  };
}

const LIMIT_FIELDS = { maxMessages: "max_msgs", maxBytes: "max_bytes" } as const;

/** What an existing stream keeps although the definition says, or leaves open, something else. */
export function keptFields({ keep = [], replicas }: Pick<StreamDefinition, "keep" | "replicas">): string[] {
  return [...keep.map((limit) => LIMIT_FIELDS[limit]), ...(replicas === undefined ? ["num_replicas"] : [])];
}

export function ageConfig(maxAgeMs: number | undefined): Config {
  const ageNs = maxAgeMs ? Math.max(SHORTEST_AGE_MS, maxAgeMs) * 1e6 : 0;
  // The window for message ids (unused) may not exceed the age, also when an existing stream's age is shortened.
  return { max_age: ageNs, duplicate_window: ageNs > 0 ? Math.min(ageNs, DUPLICATE_WINDOW_NS) : DUPLICATE_WINDOW_NS };
}

/**
 * Creates the stream or brings an existing one to `config`. Its storage stays what it is, and so does what `keep` names,
 * where it is set. Rejects with `failed`, naming the field, when the server does not allow a change; the stream
 * is then as it was.
 */
export async function ensureStream(link: Link, config: Config, keep: readonly string[] = []): Promise<void> {
  const name = config.name as string;
  const what = `stream ${name}`;
  await createOrUpdate(link, name, what, config, keep);
  link.streams.set(name, config.subjects as readonly string[]);
}

async function createOrUpdate(link: Link, name: string, what: string, config: Config, keep: readonly string[]) {
  try {
    await link.api(`STREAM.CREATE.${name}`, config, what);
    return;
  } catch (error) {
    if (!(error instanceof JetStreamError && error.number === jetStreamNumber.streamExists))
      throw explained(error, what, config);
  }
  const { config: existing } = await link.api<{ config: Record<string, unknown> }>(
    `STREAM.INFO.${name}`,
    undefined,
    what,
  );
  const kept = new Set(["storage", ...keep.filter((key) => Number(existing[key]) > 0)]);
  const changed = Object.keys(config).filter((key) => !kept.has(key) && !isSame(existing[key], config[key]));
  if (changed.length === 0) return;
  const update = { ...existing, ...Object.fromEntries(changed.map((key) => [key, config[key]])) };
  try {
    await link.api(`STREAM.UPDATE.${name}`, update, what);
  } catch (error) {
    if (!isBusError(error, "failed")) throw explained(error, what, config);
    const fields = changed.map((key) => `${key} is ${show(existing[key])}, expected ${show(config[key])}`).join("; ");
    throw new BusError("failed", `${what} exists and cannot be changed: ${fields} (${error.message})`, {
      cause: error,
    });
  }
}

/** A server reserves a stream's bytes when it is made, and says no more than that it cannot. */
function explained(error: unknown, what: string, { max_bytes: bytes }: Config): unknown {
  if (!isBusError(error, "full") || !(Number(bytes) > 0)) return error;
  const message = `${what} asks for ${bytes} bytes, which the server reserves and does not have: ${error.message}`;
  return new BusError("failed", message, { cause: error });
}

function isSame(a: unknown, b: unknown): boolean {
  return show(a ?? false) === show(b ?? false);
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? "absent";
}

/**
 * Creates the consumer, or updates it. One with another filter is replaced: 2.9.10 accepts the new filter and then
 * delivers nothing. What it had delivered and was not acknowledged is delivered again.
 */
export async function ensureConsumer(link: Link, definition: ConsumerDefinition): Promise<void> {
  const { stream, name, filter } = definition;
  const what = `consumer ${name} of stream ${stream}`;
  const existing = await consumerConfig(link, stream, name);
  const wanted: Record<string, unknown> = {
    ...existing,
    durable_name: name,
    name,
    filter_subject: filter,
    ack_policy: "explicit",
    ack_wait: definition.ackWaitMs * 1e6,
    max_ack_pending: definition.maxAckPending,
    max_deliver: -1,
    max_waiting: existing?.max_waiting ?? MAX_WAITING,
    deliver_policy: "all",
    replay_policy: "instant",
  };
  if (existing && Object.keys(wanted).every((key) => isSame(existing[key], wanted[key]))) return;
  if (!existing) await checkFilter(link, definition, what);
  if (existing && existing.filter_subject !== filter)
    await link.api(`CONSUMER.DELETE.${stream}.${name}`, undefined, what);
  await link.api(`CONSUMER.DURABLE.CREATE.${stream}.${name}`, { stream_name: stream, config: wanted }, what);
}

/** Servers since 2.10 take a filter that can match nothing. */
async function checkFilter(link: Link, { stream, filter }: ConsumerDefinition, what: string): Promise<void> {
  const { config } = await link.api<{ config: { subjects?: string[] } }>(`STREAM.INFO.${stream}`, undefined, what);
  const subjects = config.subjects ?? [];
  if (subjects.some((subject) => filtersOverlap(subject, filter))) return;
  throw new BusError(
    "failed",
    `${what}: its filter is ${filter}, expected one that matches some of ${subjects.join(", ")}`,
  );
}

async function consumerConfig(link: Link, stream: string, name: string): Promise<Record<string, unknown> | undefined> {
  const what = `consumer ${name} of stream ${stream}`;
  try {
    const info = await link.api<{ config: Record<string, unknown> }>(
      `CONSUMER.INFO.${stream}.${name}`,
      undefined,
      what,
    );
    return info.config;
  } catch (error) {
    if (error instanceof JetStreamError && error.number === jetStreamNumber.consumerNotFound) return undefined;
    throw error;
  }
}

/** The definition of a consumer that somebody else made. Rejects with `failed` when there is none. */
export async function readConsumer(link: Link, stream: string, name: string): Promise<ConsumerDefinition> {
  const config = await consumerConfig(link, stream, name);
  if (!config)
    throw new BusError("failed", `stream ${stream} has no consumer ${name}; expected one made by ensureConsumer`);
  return {
    stream,
    name,
    filter: config.filter_subject as string,
    ackWaitMs: Number(config.ack_wait) / 1e6,
    maxAckPending: config.max_ack_pending as number,
  };
}

interface ApiMessage {
  readonly subject: string;
  readonly seq: number;
  readonly time: string;
  readonly data?: string;
  readonly hdrs?: string;
}

/** A message by sequence or the last of a filter, from the stream's leader, so never an outdated answer. */
export async function readMessage(
  link: Link,
  stream: string,
  which: { seq: number; next_by_subj?: string } | { last_by_subj: string },
): Promise<StoredMessage | undefined> {
  try {
    const what = `message ${JSON.stringify(which)} of stream ${stream}`;
    const { message } = await link.api<{ message: ApiMessage }>(`STREAM.MSG.GET.${stream}`, which, what);
    const plain = {
      subject: message.subject,
      sequence: message.seq,
      timestamp: Date.parse(message.time),
      data: new Uint8Array(Buffer.from(message.data ?? "", "base64")),
    };
    const headers = parseHeaders(Buffer.from(message.hdrs ?? "", "base64").toString());
    return headers ? { ...plain, headers } : plain;
  } catch (error) {
    if (error instanceof JetStreamError && error.number === jetStreamNumber.noMessage) return undefined;
    throw error;
  }
}

/** Without a filter also that of a message which has gone since. */
export async function lastSequence(link: Link, stream: string, filter?: string): Promise<number> {
  if (filter !== undefined) return (await readMessage(link, stream, { last_by_subj: filter }))?.sequence ?? 0;
  const info = await link.api<{ state: { last_seq: number } }>(`STREAM.INFO.${stream}`, undefined, `stream ${stream}`);
  return info.state.last_seq;
}

export async function readStreamState(link: Link, stream: string): Promise<StreamState> {
  const { state, config } = await link.api<{
    state: { messages: number; bytes: number };
    config: { max_msgs: number; max_bytes: number };
  }>(`STREAM.INFO.${stream}`, undefined, `stream ${stream}`);
  return {
    messages: state.messages,
    bytes: state.bytes,
    ...(config.max_msgs > 0 && { maxMessages: config.max_msgs }),
    ...(config.max_bytes > 0 && { maxBytes: config.max_bytes }),
  };
}

/** Subjects come in pages (100,000 on today's servers). */
export async function listSubjects(link: Link, stream: string, filter: string): Promise<string[]> {
  const found = new Set<string>();
  for (let offset = 0; ; ) {
    const info = await link.api<{ total?: number; state: { subjects?: Record<string, number> } }>(
      `STREAM.INFO.${stream}`,
      { subjects_filter: filter, offset },
      `subjects ${filter} of stream ${stream}`,
    );
    const page = Object.keys(info.state.subjects ?? {});
    for (const subject of page) found.add(subject);
    offset += page.length;
    if (page.length === 0 || offset >= (info.total ?? 0)) return [...found];
  }
}

/**
 * Message by message, although a purge by subject would be one call: on server 2.9.10 such a purge makes every consumer
 * whose filter matches skip all that it has not delivered yet (tried: 699 of 1,000 messages were never delivered).
 */
export async function removeSubject(link: Link, stream: string, subject: string): Promise<number> {
  const first = { seq: 1, next_by_subj: subject };
  for (let removed = 0; ; removed++) {
    const message = await readMessage(link, stream, first);
    if (!message) return removed;
    const which = { seq: message.sequence };
    try {
      const what = `remove ${subject} from stream ${stream}`;
      await link.api(`STREAM.MSG.DELETE.${stream}`, { ...which, no_erase: true }, what);
    } catch (error) {
      // It may have been acknowledged, and so removed, in the meantime.
      if (!(error instanceof JetStreamError) || (await readMessage(link, stream, which))) throw error;
    }
  }
}
