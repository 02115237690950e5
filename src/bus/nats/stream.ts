import { BusError, isBusError, type StoredMessage, type StreamDefinition, type StreamState } from "../port.ts";
import { JetStreamError, jetStreamNumber } from "./errors.ts";
import { parseHeaders } from "./headers.ts";
import type { Link } from "./link.ts";

/** The shortest age that the server accepts. */
const SHORTEST_AGE_MS = 100;
/** The server's default window for message ids. */
const DUPLICATE_WINDOW_NS = 120e9;
type Config = Readonly<Record<string, unknown>>;

/** A stream's configuration in the server's format. */
export type StreamConfig = Config & { readonly name: string; readonly subjects: readonly string[] };

/**
 * Converts a definition to the server's format. Fields that it leaves out are written as well, so that removing a limit
 * works.
 */
export function streamConfig(definition: StreamDefinition): StreamConfig {
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

/** The fields in which an existing stream keeps its own value, whatever the definition says. */
export function keptFields({ keep = [], replicas }: Pick<StreamDefinition, "keep" | "replicas">): string[] {
  return [...keep.map((limit) => LIMIT_FIELDS[limit]), ...(replicas === undefined ? ["num_replicas"] : [])];
}

export function ageConfig(maxAgeMs: number | undefined): Config {
  const ageNs = maxAgeMs ? Math.max(SHORTEST_AGE_MS, maxAgeMs) * 1e6 : 0;
  // The window for message ids (unused) may not exceed the age, also when an existing stream's age is shortened.
  return { max_age: ageNs, duplicate_window: ageNs > 0 ? Math.min(ageNs, DUPLICATE_WINDOW_NS) : DUPLICATE_WINDOW_NS };
}

interface StreamInfo {
  readonly config: Record<string, unknown>;
  readonly created: string;
}

const readInfo = (link: Link, name: string): Promise<StreamInfo> =>
  link.api<StreamInfo>(`STREAM.INFO.${name}`, undefined, `stream ${name}`);

/** The stream's creation time in the server's format. Rejects with `no-stream`. */
export async function readCreated(link: Link, name: string): Promise<string> {
  return (await readInfo(link, name)).created;
}

/**
 * Looks the stream up, creates it if it is missing, and updates it only where it differs from `config`, because a
 * process may not be permitted to create or change streams. An existing stream keeps its storage, and the fields in
 * `keep` that it has set. Resolves with the creation time. Rejects with `failed`, naming the field, when the server
 * does not allow a change; the stream is then unchanged.
 */
export async function createOrUpdate(link: Link, config: StreamConfig, keep: readonly string[]): Promise<string> {
  const { name } = config;
  const what = `stream ${name}`;
  for (;;) {
    const existing = await readInfo(link, name).catch(ifMissing);
    if (existing) {
      await update(link, existing, config, keep);
      return existing.created;
    }
    try {
      return (await link.api<StreamInfo>(`STREAM.CREATE.${name}`, config, what)).created;
    } catch (error) {
      // Another process has just created it with a different configuration.
      if (!(error instanceof JetStreamError && error.number === jetStreamNumber.streamExists))
        throw explained(error, what, config);
    }
  }
}

/** Turns the error of a missing stream into undefined, and throws any other. */
export function ifMissing(error: unknown): undefined {
  if (!isBusError(error, "no-stream")) throw error;
}

async function update(link: Link, { config: existing }: StreamInfo, config: StreamConfig, keep: readonly string[]) {
  const what = `stream ${config.name}`;
  const wanted: Config = config;
  const kept = new Set(["storage", ...keep.filter((key) => Number(existing[key]) > 0)]);
  const changed = Object.keys(wanted).filter((key) => !kept.has(key) && !isSame(existing[key], wanted[key]));
  if (changed.length === 0) return;
  const update = { ...existing, ...Object.fromEntries(changed.map((key) => [key, wanted[key]])) };
  try {
    await link.api(`STREAM.UPDATE.${config.name}`, update, what);
  } catch (error) {
    if (!isBusError(error, "failed")) throw explained(error, what, config);
    const fields = changed.map((key) => `${key} is ${show(existing[key])}, expected ${show(wanted[key])}`).join("; ");
    throw new BusError("failed", `${what} exists and cannot be changed: ${fields} (${error.message})`, {
      cause: error,
    });
  }
}

/**
 * Adds the reason to a refused creation: a server reserves the bytes of a stream, and its error does not mention them.
 */
function explained(error: unknown, what: string, { max_bytes: bytes }: Config): unknown {
  if (!isBusError(error, "full") || !(Number(bytes) > 0)) return error;
  const message = `${what} asks for ${bytes} bytes, which the server reserves and does not have: ${error.message}`;
  return new BusError("failed", message, { cause: error });
}

export function isSame(a: unknown, b: unknown): boolean {
  return show(a ?? false) === show(b ?? false);
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? "absent";
}

/** The names of the streams that take messages of a subject or filter. */
export async function findStreams(link: Link, subject: string): Promise<string[]> {
  const { streams } = await link.api<{ streams: string[] | null }>(
    "STREAM.NAMES",
    { subject },
    `streams of ${subject}`,
  );
  return streams ?? [];
}

interface ApiMessage {
  readonly subject: string;
  readonly seq: number;
  readonly time: string;
  readonly data?: string;
  readonly hdrs?: string;
}

/**
 * Reads a message by sequence, or the last of a filter. The stream's leader answers, so the answer is never outdated.
 */
export async function readMessage(
  link: Link,
  stream: string,
  which: { seq: number; next_by_subj?: string } | { last_by_subj: string },
): Promise<StoredMessage | undefined> {
  try {
    const what = `message ${JSON.stringify(which)} of stream ${stream}`;
    const { message } = await link.apiOfStream<{ message: ApiMessage }>(
      stream,
      `STREAM.MSG.GET.${stream}`,
      which,
      what,
    );
    const plain = {
      subject: message.subject,
      sequence: message.seq,
      timestamp: Date.parse(message.time),
      data: new Uint8Array(Buffer.from(message.data ?? "", "base64")),
    };
    const { headers, oversized } = parseHeaders(Buffer.from(message.hdrs ?? "", "base64"));
    return { ...plain, ...(headers && { headers }), ...(oversized > 0 && { oversizedHeaders: oversized }) };
  } catch (error) {
    if (error instanceof JetStreamError && error.number === jetStreamNumber.noMessage) return undefined;
    throw error;
  }
}

/** The sequence of the last message. Without a filter, the message itself may have been removed since. */
export async function lastSequence(link: Link, stream: string, filter?: string): Promise<number> {
  if (filter !== undefined) return (await readMessage(link, stream, { last_by_subj: filter }))?.sequence ?? 0;
  const info = await link.apiOfStream<{ state: { last_seq: number } }>(
    stream,
    `STREAM.INFO.${stream}`,
    undefined,
    `stream ${stream}`,
  );
  return info.state.last_seq;
}

export async function readStreamState(link: Link, stream: string): Promise<StreamState> {
  const { state, config } = await link.apiOfStream<{
    state: { messages: number; bytes: number };
    config: { max_msgs: number; max_bytes: number };
  }>(stream, `STREAM.INFO.${stream}`, undefined, `stream ${stream}`);
  return {
    messages: state.messages,
    bytes: state.bytes,
    ...(config.max_msgs > 0 && { maxMessages: config.max_msgs }),
    ...(config.max_bytes > 0 && { maxBytes: config.max_bytes }),
  };
}

/** Lists the subjects that match. The server sends them in pages (of 100,000 today). */
export async function listSubjects(link: Link, stream: string, filter: string): Promise<string[]> {
  const found = new Set<string>();
  for (let offset = 0; ; ) {
    const info = await link.apiOfStream<{ total?: number; state: { subjects?: Record<string, number> } }>(
      stream,
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
 * Removes a subject's messages one by one, although a purge by subject would be one call: on server 2.9.10 a purge
 * makes every consumer whose filter matches skip all undelivered messages (tried: 699 of 1,000 were never delivered).
 */
export async function removeSubject(link: Link, stream: string, subject: string): Promise<number> {
  const first = { seq: 1, next_by_subj: subject };
  for (let removed = 0; ; removed++) {
    const message = await readMessage(link, stream, first);
    if (!message) return removed;
    const which = { seq: message.sequence };
    try {
      const what = `remove ${subject} from stream ${stream}`;
      await link.apiOfStream(stream, `STREAM.MSG.DELETE.${stream}`, { ...which, no_erase: true }, what);
    } catch (error) {
      // The message may have been acknowledged, and so removed, in the meantime.
      if (!(error instanceof JetStreamError) || (await readMessage(link, stream, which))) throw error;
    }
  }
}
