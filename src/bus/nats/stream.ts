import { BusError, isBusError, type StoredMessage, type StreamDefinition, type StreamState } from "../port.ts";
import { JetStreamError, jetStreamNumber } from "./errors.ts";
import { parseHeaders } from "./headers.ts";
import type { Link } from "./link.ts";

/** The server refuses less, and two minutes is its default for what is longer. */
const SHORTEST_AGE_MS = 100;
const DUPLICATE_WINDOW_NS = 120e9;
type Config = Readonly<Record<string, unknown>>;

/** The server's form of a stream. */
export type StreamConfig = Config & { readonly name: string; readonly subjects: readonly string[] };

/** The server's form of a definition. All that the definition leaves open is written out, so that removing a limit works. */
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

/** What an existing stream keeps although the definition says, or leaves open, something else. */
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

/** When the stream was made, in the server's words. Rejects with `no-stream`. */
export async function readCreated(link: Link, name: string): Promise<string> {
  return (await readInfo(link, name)).created;
}

/**
 * Looks the stream up, creates it if it is missing, and updates it only where it differs from `config`: a process may be
 * forbidden to create and to change what is there. Its storage stays what it is, and so does what `keep` names, where it is
 * set. Resolves with when it was created. Rejects with `failed`, naming the field, when the server does not allow a change;
 * the stream is then as it was.
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
      // Another process was faster, with a configuration that differs.
      if (!(error instanceof JetStreamError && error.number === jetStreamNumber.streamExists))
        throw explained(error, what, config);
    }
  }
}

/** For a stream that may be missing: other errors stay. */
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

/** A server reserves a stream's bytes when it is made, and says no more than that it cannot. */
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

/** Without a filter also that of a message which has gone since. */
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

/** Subjects come in pages (100,000 on today's servers). */
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
      await link.apiOfStream(stream, `STREAM.MSG.DELETE.${stream}`, { ...which, no_erase: true }, what);
    } catch (error) {
      // It may have been acknowledged, and so removed, in the meantime.
      if (!(error instanceof JetStreamError) || (await readMessage(link, stream, which))) throw error;
    }
  }
}
