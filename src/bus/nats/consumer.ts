import { BusError, type ConsumerDefinition, MOST_UNSETTLED } from "../port.ts";
import { filtersOverlap } from "../subject-match.ts";
import { JetStreamError, jetStreamNumber } from "./errors.ts";
import type { Link } from "./link.ts";
import { isSame, readMessage } from "./stream.ts";

/**
 * The pull requests of all workers that may wait at one consumer. The server's default of 512 suffices for one large
 * worker.
 */
const MAX_WAITING = 8192;

/**
 * Creates the consumer, or updates it. A consumer with another filter is replaced, because server 2.9.10 accepts the
 * new filter and then delivers nothing. Messages that it had delivered and that were not acknowledged are delivered
 * again.
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
    await link.apiOfStream(stream, `CONSUMER.DELETE.${stream}.${name}`, undefined, what);
  await link.apiOfStream(
    stream,
    `CONSUMER.DURABLE.CREATE.${stream}.${name}`,
    { stream_name: stream, config: wanted },
    what,
  );
}

/** Refuses a filter that cannot match any subject of the stream; servers since 2.10 accept it. */
async function checkFilter(link: Link, { stream, filter }: ConsumerDefinition, what: string): Promise<void> {
  const { config } = await link.apiOfStream<{ config: { subjects?: string[] } }>(
    stream,
    `STREAM.INFO.${stream}`,
    undefined,
    what,
  );
  const subjects = config.subjects ?? [];
  if (subjects.some((subject) => filtersOverlap(subject, filter))) return;
  throw new BusError(
    "failed",
    `${what}: its filter is ${filter}, expected one that matches some of ${subjects.join(", ")}`,
  );
}

interface ConsumerInfo {
  readonly config: Record<string, unknown>;
  /** Sequences of the stream: the last that was delivered, and the last before which all are settled. */
  readonly delivered: { readonly stream_seq: number };
  readonly ack_floor: { readonly stream_seq: number };
  readonly num_ack_pending: number;
}

async function consumerConfig(link: Link, stream: string, name: string): Promise<Record<string, unknown> | undefined> {
  return (await consumerInfo(link, stream, name))?.config;
}

async function consumerInfo(link: Link, stream: string, name: string): Promise<ConsumerInfo | undefined> {
  const what = `consumer ${name} of stream ${stream}`;
  try {
    return await link.apiOfStream<ConsumerInfo>(stream, `CONSUMER.INFO.${stream}.${name}`, undefined, what);
  } catch (error) {
    if (error instanceof JetStreamError && error.number === jetStreamNumber.consumerNotFound) return undefined;
    throw error;
  }
}

/** Reads the definition of a consumer that another process created. Rejects with `failed` when there is none. */
export async function readConsumer(link: Link, stream: string, name: string): Promise<ConsumerDefinition> {
  const config = await consumerConfig(link, stream, name);
  if (!config) throw missing(stream, name);
  return {
    stream,
    name,
    filter: config.filter_subject as string,
    ackWaitMs: Number(config.ack_wait) / 1e6,
    maxAckPending: config.max_ack_pending as number,
  };
}

/** See `Bus.lastDelivered`. */
export async function lastDelivered(link: Link, stream: string, name: string): Promise<number> {
  const info = await consumerInfo(link, stream, name);
  if (!info) throw missing(stream, name);
  return info.delivered.stream_seq;
}

const missing = (stream: string, name: string): BusError =>
  new BusError("failed", `stream ${stream} has no consumer ${name}; expected one made by ensureConsumer`);
/**
 * A work queue keeps what is not settled, and delivers in order: so all that is left of what matches up to the last that was
 * delivered. One request for each.
 */
export async function listUnsettled(link: Link, stream: string, name: string): Promise<string[]> {
  const info = await consumerInfo(link, stream, name);
  if (!info?.num_ack_pending) return [];
  const last = info.delivered.stream_seq;
  const filter = info.config.filter_subject as string;
  const subjects: string[] = [];
  for (let seq = info.ack_floor.stream_seq + 1; subjects.length < MOST_UNSETTLED; ) {
    const message = await readMessage(link, stream, { seq, next_by_subj: filter });
    if (!message || message.sequence > last) return subjects;
    subjects.push(message.subject);
    seq = message.sequence + 1;
  }
  return subjects;
}
