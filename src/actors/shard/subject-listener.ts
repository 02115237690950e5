import type { Bus } from "../../bus/port.ts";
import { isFilter } from "../../bus/subject-match.ts";
import type { Topology } from "../../bus/topology.ts";
import { messageOf } from "../../core/error.ts";
import { decodeExact } from "../../core/exact-json.ts";
import { findNonJson, isNestedDeeper, type Json, MAX_NESTING } from "../../core/json.ts";
import type { Awaited } from "../../core/wait.ts";
import { expressionValuesOf, inputRefs } from "../../fold/outputs.ts";
import type { TaskRecord } from "../../fold/task-record.ts";
import type { Runtime } from "../host/runtime.ts";
import type { Heard } from "./heard.ts";

/**
 * Where a wait for a message begins: in the stream that takes the subject, after its last message. Without a stream, at
 * the moment in which somebody listens. Rejects with an Error for a subject that cannot be waited for.
 */
export async function locate(
  { bus, topology }: { readonly bus: Bus; readonly topology: Topology },
  subject: string,
): Promise<Pick<Awaited, "stream" | "after">> {
  const { prefix } = topology.subjects;
  const isOurs = subject === prefix || subject.startsWith(`${prefix}.`) || /^(?:\$|_INBOX|\*|>)/.test(subject);
  if (!isFilter(subject) || isOurs)
    throw new Error(
      `wait/subject: expected a subject that is not under ${prefix} or $, and begins with a word, received ${JSON.stringify(subject)}`,
    );
  const streams = await bus.findStreams(subject);
  if (streams.length > 1)
    throw new Error(`wait/subject: expected a subject of one stream, received ${subject} of ${streams.join(", ")}`);
  const [stream] = streams;
  return stream === undefined ? {} : { stream, after: await bus.lastSequence(stream) };
}

/** Hears the first message that matches, from where the wait began. */
export async function hearMessage(runtime: Runtime, task: TaskRecord, signal: AbortSignal): Promise<Heard> {
  const { bus } = runtime;
  const { subject, stream, after } = task.run.waits!.open.get(task)!.awaited;
  const matches = await createMatch(runtime, task);
  const { promise, resolve } = Promise.withResolvers<Heard>();
  const abort = () => resolve(undefined);
  signal.addEventListener("abort", abort, { once: true });
  const take = ({ data }: { readonly data: Uint8Array }) => {
    const content = readContent(data);
    if (matches(content)) resolve({ output: content });
  };
  try {
    const source =
      stream === undefined
        ? await bus.subscribe(subject!, take)
        : await bus.follow(stream, subject!, take, { fromSequence: after! + 1 });
    try {
      return await promise;
    } finally {
      await source.stop();
    }
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** What cannot be answered of a message does not match: others may have what is asked for. */
async function createMatch(runtime: Runtime, task: TaskRecord): Promise<(message: Json) => boolean> {
  const { checked, stated } = task.node!;
  const { match } = stated.wait!;
  if (match === undefined) return () => true;
  const values = expressionValuesOf(task, await runtime.blobs.loadAll(inputRefs(task)));
  const expression = checked.expressions.get(match)!;
  let isTold = false;
  return (message) => {
    const context = (name: string) => (name === "message" ? message : values.context(name));
    try {
      return expression.evaluate({ ...values, context }) === true;
    } catch (error) {
      if (!isTold)
        runtime.log("warn", `run ${task.run.run}: the match of ${task.id} passes over a message: ${messageOf(error)}`);
      isTold = true;
      return false;
    }
  };
}

/** JSON, or else a text; nothing is null. */
function readContent(data: Uint8Array): Json {
  if (data.length === 0) return null;
  try {
    const content = decodeExact(data);
    if (!isNestedDeeper(content, MAX_NESTING) && findNonJson(content) === undefined) return content as Json;
  } catch {
    // It is a text.
  }
  return new TextDecoder().decode(data);
}
