import { mostBytes } from "../../bus/sizes.ts";
import { invalid, messageOf } from "../../core/error.ts";
import { encodeJson, type Json } from "../../core/json.ts";
import type { Problem } from "../../core/problem.ts";
import type { JsonSchema } from "../../core/registration.ts";
import type { TaskRecord } from "../../fold/task-record.ts";
import type { Runtime } from "../host/runtime.ts";
import { compileSchema } from "../host/schema-check.ts";

/** Left for the other fields of the event, bytes; at most half of a message. */
const ENVELOPE = 4096;

/** Rejects with 400 where the output is not one that the task could have come to, as far as that is known. */
export async function checkMarkedOutput(runtime: Runtime, task: TaskRecord, output: Json): Promise<void> {
  const problems = [...(await schemaProblems(runtime, task, output)), ...reduceProblems(task, output)];
  const where = problems.map((problem) => ({ ...problem, path: `/output${problem.path}` }));
  if (where.length > 0) throw invalid(`the output of task ${task.id} is invalid`, where);
}

/** In the event itself, or, where it is too large for a message, in the object store. */
export async function placeOutput(runtime: Runtime, output: Json): Promise<{ output: Json } | { outputRef: string }> {
  const data = encodeJson(output);
  const room = mostBytes(runtime.bus);
  return data.length > room - Math.min(ENVELOPE, room / 2) ? { outputRef: await runtime.blobs.put(data) } : { output };
}

async function schemaProblems(runtime: Runtime, { spec, node }: TaskRecord, output: Json): Promise<Problem[]> {
  const { each, wait } = node?.stated ?? {};
  // The type of a map is that of its items.
  const schema = each ? undefined : wait ? wait.schema : (await runtime.types.find(spec.type))?.output;
  return schema === undefined ? [] : compileSchema(schema as JsonSchema)(output);
}

/** What the map finds wrong with it that an item is of. */
function reduceProblems({ parent }: TaskRecord, output: Json): Problem[] {
  try {
    parent?.children?.map?.reduction?.copy().add(output);
    return [];
  } catch (error) {
    return [{ path: "", message: `each.reduce: ${messageOf(error)}` }];
  }
}
