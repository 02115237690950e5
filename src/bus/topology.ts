import type { Priority } from "../core/names.ts";
import type { BucketDefinition, ConsumerDefinition, ObjectStoreDefinition, StreamDefinition } from "./port.ts";
import { createSubjects, type Subjects } from "./subjects.ts";

/**
 * The limits of a stream; 0 means none. A limit left out has its default in a new stream and stays in an existing one.
 */
export interface StreamLimits {
  readonly messages?: number;
  readonly bytes?: number;
}

export type LimitedStream = "requests" | "tasks" | "log" | "dead";

export interface TopologyOptions {
  /** The first token of every subject and (in capitals) the prefix of streams and buckets. Default `tutti`. */
  readonly prefix?: string;
  /** The time that the log, its blobs and dead letters are kept, in ms. Default 7 days. */
  readonly maxAgeMs?: number;
  /**
   * The number of copies of every stream and bucket in a cluster. Default: existing ones keep theirs, new ones have 1.
   */
  readonly replicas?: number;
  /** The time without a heartbeat for which a worker or orchestrator still counts as alive, in ms. Default 5,000. */
  readonly presenceTtlMs?: number;
  /**
   * The time without a word from its receiver after which a task or request is delivered again, in ms. Default 30,000.
   */
  readonly ackWaitMs?: number;
  /** The limits of streams: by default {@link DEFAULT_MESSAGES}, and all the bytes that the server has. */
  readonly limits?: { readonly [S in LimitedStream]?: StreamLimits } & { readonly blobs?: { readonly bytes?: number } };
}

export type BucketName =
  | "types"
  | "queues"
  | "workers"
  | "orchestrators"
  | "shards"
  | "config"
  | "limits"
  | "breakers"
  | "rates"
  | "answers";

/** The definitions of every stream, consumer, bucket and store that Tutti uses. The first process creates them. */
export interface Topology {
  readonly subjects: Subjects;
  readonly streams: Readonly<Record<LimitedStream, StreamDefinition>>;
  readonly buckets: Readonly<Record<BucketName, BucketDefinition>>;
  readonly blobs: ObjectStoreDefinition;
  readonly presenceTtlMs: number;
  readonly requestsConsumer: ConsumerDefinition;
  /** The queue of one type and priority. */
  taskConsumer(type: string, priority: Priority): ConsumerDefinition;
}

export const DEFAULT_PREFIX = "tutti";
/**
 * The default limits of streams, in messages. They are not in bytes because a server reserves the bytes of a limit, and
 * one with little storage would refuse the stream.
 */
export const DEFAULT_MESSAGES: Readonly<Record<LimitedStream, number>> = {
  requests: 1_000_000,
  tasks: 1_000_000,
  log: 50_000_000,
  dead: 100_000,
};
export const DEFAULT_LEASE_MS = 5000;
export const DEFAULT_ACK_WAIT_MS = 30_000;
export const DEFAULT_MAX_AGE_MS = 7 * 86_400_000;
/** The fraction of a lease after which an orchestrator's presence expires. A takeover fits into the rest. */
const EXPIRY = 0.9;

export function createTopology(options: TopologyOptions = {}): Topology {
  const prefix = options.prefix ?? DEFAULT_PREFIX;
  const capital = `${prefix.toUpperCase().replaceAll(/[^A-Z0-9_-]/g, "_")}_`;
  const maxAgeMs = options.maxAgeMs ?? DEFAULT_MAX_AGE_MS;
  const presenceTtlMs = options.presenceTtlMs ?? DEFAULT_LEASE_MS;
  const ackWaitMs = options.ackWaitMs ?? DEFAULT_ACK_WAIT_MS;
  const replicas = options.replicas === undefined ? {} : { replicas: options.replicas };
  const subjects = createSubjects(prefix);
  const stream = (name: LimitedStream) => ({
    name: `${capital}${name.toUpperCase()}`,
    subjects: [`${prefix}.${name}.>`],
    ...limitsOf(name, options.limits?.[name]),
    ...replicas,
  });
  const blobBytes = options.limits?.blobs?.bytes;
  const tasks = `${capital}TASKS`;
  const requests = `${capital}REQUESTS`;
  return {
    subjects,
    streams: {
      requests: { ...stream("requests"), retention: "work-queue" },
      tasks: { ...stream("tasks"), retention: "work-queue", onePerSubject: true },
      log: { ...stream("log"), retention: "limits", maxAgeMs },
      // Users look at the latest failures; and a request that could not become a dead letter would be delivered for
      // ever.
      dead: { ...stream("dead"), retention: "limits", maxAgeMs, whenFull: "drop-oldest" },
    },
    buckets: {
      types: { name: `${capital}types`, ...replicas },
      queues: { name: `${capital}queues`, ...replicas },
      workers: { name: `${capital}workers`, ttlMs: presenceTtlMs, ...replicas },
      orchestrators: { name: `${capital}orchestrators`, ttlMs: EXPIRY * presenceTtlMs, ...replicas },
      shards: { name: `${capital}shards`, ...replicas },
      config: { name: `${capital}config`, ...replicas },
      breakers: { name: `${capital}breakers`, ...replicas },
      rates: { name: `${capital}rates`, ...replicas },
      answers: { name: `${capital}answers`, ttlMs: maxAgeMs, ...replicas },
      limits: { name: `${capital}limits`, ...replicas },
    },
    presenceTtlMs,
    blobs: { name: `${capital}blobs`, maxAgeMs, ...replicas, ...(blobBytes !== undefined && { maxBytes: blobBytes }) },
    requestsConsumer: {
      stream: requests,
      name: "gateway",
      filter: `${prefix}.requests.>`,
      ackWaitMs,
      maxAckPending: 1000,
    },
    taskConsumer: (type, priority) => ({
      stream: tasks,
      name: `${type}_${priority}`,
      filter: subjects.tasksOfType(type, priority),
      ackWaitMs,
      maxAckPending: 100_000,
    }),
  };
}

function limitsOf(
  stream: LimitedStream,
  { messages, bytes }: StreamLimits = {},
): Pick<StreamDefinition, "maxMessages" | "maxBytes" | "keep"> {
  const maxMessages = messages ?? DEFAULT_MESSAGES[stream];
  return {
    ...(maxMessages > 0 && { maxMessages }),
    ...(bytes !== undefined && bytes > 0 && { maxBytes: bytes }),
    keep: [
      ...(messages === undefined ? ["maxMessages" as const] : []),
      ...(bytes === undefined ? ["maxBytes" as const] : []),
    ],
  };
}
