import { createHash } from "node:crypto";
import { TuttiError } from "../../core/error.ts";
import type { Json } from "../../core/json.ts";
import { isName, NAME_EXPECTED, type Priority } from "../../core/names.ts";
import { show } from "../../core/problem.ts";
import { inputOf, inputRefs } from "../../fold/outputs.ts";
import { attemptOf, type TaskRecord } from "../../fold/task-record.ts";
import type { Runtime } from "../host/runtime.ts";
import type { Heard } from "./heard.ts";

/** Another run, which is started and not waited for. */
export interface RunToStart {
  readonly tenant: string;
  readonly run: string;
  readonly type: string;
  readonly input: Json;
  readonly priority: Priority;
  /** Who asks, for the log. */
  readonly requester: string;
}
export type StartRun = (run: RunToStart) => Promise<void>;

/**
 * Starts the run that a task of the type `start` is about. Its id is stated, or follows from the task: an owner that does this
 * again, since it does not know whether the one before has done it, starts nothing twice.
 */
export async function startRunOf({ blobs }: Runtime, task: TaskRecord, startRun: StartRun): Promise<Heard> {
  const { tenant, run: own, priority } = task.run;
  const load = await blobs.loadAll(inputRefs(task));
  const { type, input = {}, run = derivedId(task) } = readInput(inputOf(task, load));
  try {
    await startRun({ tenant, run, type, input, priority, requester: `run ${own}, task ${task.id}`.slice(0, MOST) });
  } catch (error) {
    if (!(error instanceof TuttiError) || error.code === 503) throw error;
    return { error: { kind: "terminal", name: "NotStarted", message: error.message } };
  }
  return { output: { run } };
}

/** Of a requester. */
const MOST = 256;

function readInput(input: Json): { type: string; input?: Json; run?: string } {
  const fields = typeof input === "object" && input !== null && !Array.isArray(input) ? (input as Fields) : {};
  for (const field of ["type", "run"] as const)
    if (!(isName(fields[field]) || (field === "run" && fields[field] === undefined)))
      throw new Error(`input/${field}: expected ${NAME_EXPECTED}, received ${show(fields[field])}`);
  return fields as { type: string; input?: Json; run?: string };
}
type Fields = { readonly [field: string]: Json };

/** Begins with the id of the run that it comes from, so that it sorts with it. */
function derivedId(task: TaskRecord): string {
  const { tenant, run } = task.run;
  const digest = createHash("sha256")
    .update([tenant, run, task.id, attemptOf(task)].join("\0"))
    .digest("base64url");
  return `${run.slice(0, 40)}-${digest.slice(0, 16)}`;
}
