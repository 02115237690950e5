import { z } from "zod";
import { json } from "./json.ts";
import { name, taskId } from "./names.ts";
import { jsonSchema } from "./registration.ts";

/** A task that waits for a signal, as a list shows it. Times are ISO 8601. */
export const approval = z.object({
  run: name,
  /** The run's. */
  type: name,
  task: taskId,
  /** The name of the signal. */
  signal: name,
  /** What is asked. In a list it is left out where it is large: the run's own view has it. */
  ask: json.optional(),
  /** What an answer has to be. */
  schema: jsonSchema.optional(),
  /** Who may answer. Absent: anybody. */
  from: z.array(z.string()).optional(),
  /** When the wait began. */
  since: z.string(),
  /** When it ends unanswered. Absent: never. */
  until: z.string().optional(),
});
export type Approval = z.output<typeof approval>;

/** What has become of a signal: a task has taken it, or it is kept until one waits for it. */
export const signalAnswer = z.object({
  run: name,
  id: name,
  state: z.enum(["taken", "kept"]),
  /** Which task has taken it. */
  task: taskId.optional(),
});
export type SignalAnswer = z.output<typeof signalAnswer>;
