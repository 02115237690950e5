import { z } from "zod";
import { moment } from "./event.ts";
import { json } from "./json.ts";
import { name } from "./names.ts";
import { policy } from "./policy.ts";
import { heldType, serviceFigures } from "./services.ts";

/** A JSON Schema (draft 2020-12), as far as we care. */
export const jsonSchema = z.union([z.boolean(), z.record(z.string(), json)]);
export type JsonSchema = z.output<typeof jsonSchema>;

/** What is kept of a task type for ever, in the bucket `types` under the type's name. */
export const typeRegistration = z.object({
  v: z.literal(1),
  type: name,
  description: z.string().optional(),
  /** Default: anything. */
  input: jsonSchema.optional(),
  output: jsonSchema.optional(),
  policy: policy.optional(),
  /** The author's own version of the type. */
  version: z.string().optional(),
});
export type TypeRegistration = z.output<typeof typeRegistration>;

/** A {@link moment} that is one: it is shown as a time. */
const shownMoment = moment.refine((value) => !Number.isNaN(new Date(value).getTime()), {
  error: "expected ISO 8601, or milliseconds since the epoch",
});

/** A live worker, in the expiring bucket `workers` under its id. */
export const workerPresence = z.object({
  v: z.literal(1),
  worker: name,
  types: z.array(name),
  concurrency: z.int(),
  running: z.int(),
  completed: z.int(),
  failed: z.int(),
  since: shownMoment,
  state: z.string().optional(),
  /** The subject on which it answers which task messages it has. A worker without one is not watched. */
  inquiries: z.string().optional(),
  /** Types whose tasks it leaves on their queues, because what they use cannot be called now. */
  held: z.array(heldType).optional(),
  /** The models and other services that it calls. */
  services: z.array(serviceFigures).optional(),
});
export type WorkerPresence = z.output<typeof workerPresence>;

/** A live orchestrator, in the expiring bucket `orchestrators` under its id. */
export const orchestratorPresence = z.object({
  v: z.literal(1),
  orchestrator: name,
  since: shownMoment,
  shards: z.array(z.int()),
  /** The runs in progress in its shards. */
  runs: z.int(),
  maxRuns: z.int().optional(),
  /** The highest version of the log's events that it reads. Default: 1. */
  reads: z.int().optional(),
  /** Shards whose logs need a higher version than any orchestrator alive reads, as far as this one knows. */
  waiting: z.array(z.object({ shard: z.int(), needs: z.int() })).optional(),
});
export type OrchestratorPresence = z.output<typeof orchestratorPresence>;
