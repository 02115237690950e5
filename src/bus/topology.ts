import type { Priority } from "../core/names.ts";
import type { BucketDefinition, ConsumerDefinition, ObjectStoreDefinition, StreamDefinition } from "./port.ts";
import { createSubjects, type Subjects } from "./subjects.ts";

/** What a stream may hold; 0: no limit. What is left open: the default for a new stream; one that is there keeps its own. */
export interface StreamLimits {
  readonly messages?: number;
  readonly bytes?: number;
}

export type LimitedStream = "requests" | "tasks" | "log" | "dead";

export interface TopologyOptions {
  /** First token of every subject, and (in capitals) of streams and buckets. Default `tutti`. */
  readonly prefix?: string;
  /** How long the log, its blobs and dead letters are kept (ms). Default 7 days. */
  readonly maxAgeMs?: number;
  /** Copies of every stream and bucket in a cluster. Default: what is there stays, what is new has 1. */
  readonly replicas?: number;
  /** How long a worker or an orchestrator that says nothing counts as alive. Default 5 s. */
  readonly presenceTtlMs?: number;
  /** A task or a request is delivered again when its receiver says nothing for this long. Default 30 s. */
  readonly ackWaitMs?: number;
  /** See {@link DEFAULT_MESSAGES}; bytes by default as many as the server has. */
  readonly limits?: { readonly [S in LimitedStream]?: StreamLimits } & { readonly blobs?: { readonly bytes?: number } };
}

export type BucketName = "types" | "queues" | "workers" | "orchestrators" | "shards" | "config";

/** Every stream, consumer, bucket and store Tutti uses: data, created by the process that comes first. */
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
/** Messages, and not bytes: a server reserves the bytes that a stream may have, and one with little storage would refuse. */
export const DEFAULT_MESSAGES: Readonly<Record<LimitedStream, number>> = {
  requests: 1_000_000,
  tasks: 1_000_000,
  log: 50_000_000,
  dead: 100_000,
};
export const DEFAULT_LEASE_MS = 5000;
export const DEFAULT_ACK_WAIT_MS = 30_000;
export const DEFAULT_MAX_AGE_MS = 7 * 86_400_000;
/** The part of a lease after which its presence expires: what a takeover takes fits into the rest. */
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
      // The latest failures are what people look at; and a request that could not become a dead letter would come back for ever.
      dead: { ...stream("dead"), retention: "limits", maxAgeMs, whenFull: "drop-oldest" },
    },
    buckets: {
      types: { name: `${capital}types`, ...replicas },
      queues: { name: `${capital}queues`, ...replicas },
      workers: { name: `${capital}workers`, ttlMs: presenceTtlMs, ...replicas },
      orchestrators: { name: `${capital}orchestrators`, ttlMs: EXPIRY * presenceTtlMs, ...replicas },
      shards: { name: `${capital}shards`, ...replicas },
      config: { name: `${capital}config`, ...replicas },
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
