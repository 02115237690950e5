import { z } from "zod";
import { json } from "./json.ts";
import { isName, isTaskId, name, taskId } from "./names.ts";
import { blobRef } from "./stored.ts";
import { VERSIONS } from "./version.ts";

/** The body of a task message: one attempt of one task. */
export const taskMessage = z.object({
  v: z.int().min(1).max(VERSIONS.task),
  run: name,
  task: taskId,
  attempt: z.int().min(1),
  /** The epoch of the claim under which it was sent: with one below the shard's present epoch, the attempt may be settled, which its worker has to ask. */
  epoch: z.int().optional(),
  type: name,
  input: json.optional(),
  inputRef: blobRef.optional(),
  /** Outputs of the siblings that the plan names in `needs`, by key. */
  needs: z.record(z.string(), json).optional(),
  needsRef: blobRef.optional(),
  /**
   * Present where the input would be too large to be put together by the orchestrator: then `input` and `needs` are as the plan has
   * them, with references, and these are the outputs that they refer to, by the sibling's key.
   */
  parts: z.record(z.string(), z.union([z.object({ ref: blobRef }), z.object({ value: json })])).optional(),
  partsRef: blobRef.optional(),
  /** The time that this attempt may take, from the start of its execution, where the plan states one; else the type's own holds. */
  timeoutMs: z.number().positive().optional(),
  /** The run's, milliseconds since the epoch. */
  deadline: z.number().optional(),
  /** Where it is not `<tenant>/<run>/<task>`: of the attempts of a fallback, whose effects are others than those before. */
  idempotencyKey: z.string().optional(),
  /** Results go to `<reply>.result`. */
  reply: z.string(),
});
export type TaskMessage = z.output<typeof taskMessage>;

/** The header that says how many workers were lost with a task so far. Absent where there was none. */
export const LOST_HEADER = "Tutti-Lost";

/**
 * Whether a value is a task message of the usual shape, which {@link taskMessage} would accept as it is. Asked for every
 * task, and by hand: the schema, which has the last word on all others, takes five times as long.
 */
export function isPlainTaskMessage(value: unknown): value is TaskMessage {
  if (typeof value !== "object" || value === null) return false;
  const message = value as Record<string, unknown>;
  const { v, run, task, attempt, epoch, type, input, timeoutMs, deadline, reply } = message;
  return (
    v === 1 &&
    isName(run) &&
    isTaskId(task) &&
    isCount(attempt) &&
    (epoch === undefined || isCount(epoch)) &&
    isName(type) &&
    input !== undefined &&
    UNUSUAL.every((field) => message[field] === undefined) &&
    (timeoutMs === undefined || isCount(timeoutMs)) &&
    (deadline === undefined || isCount(deadline)) &&
    typeof reply === "string"
  );
}

const UNUSUAL = ["inputRef", "needs", "needsRef", "parts", "partsRef", "idempotencyKey"] as const;

/** 1, 2, 3, … */
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) > 0;
