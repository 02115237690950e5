import type { TaskError } from "../../core/error.ts";
import { TuttiError } from "../../core/error.ts";
import type { Ended } from "../../core/event.ts";
import { shardOf } from "../../core/hash.ts";
import type { TaskRecord } from "../../fold/task-record.ts";
import type { Runtime } from "../host/runtime.ts";
import { waitForEnd } from "../log/end-waiter.ts";
import type { Heard } from "./heard.ts";

/** Hears the end of the run that a task waits for, whichever orchestrator owns it. One that is over has been heard at once. */
export async function hearEnd(runtime: Runtime, task: TaskRecord, signal: AbortSignal): Promise<Heard> {
  const { tenant, run: own } = task.run;
  const run = task.run.waits!.open.get(task)!.awaited.run!;
  if (run === own) return failed("OwnRun", `run ${run} would wait for its own end`);
  const { bus, topology, shards } = runtime;
  const shard = shardOf(run, shards);
  const waiter = await waitForEnd(runtime, tenant, run, shard);
  const aborted = Promise.withResolvers<undefined>();
  const abort = () => aborted.resolve(undefined);
  signal.addEventListener("abort", abort, { once: true });
  try {
    if (!(await waiter.check())) {
      const begun = topology.subjects.log(tenant, shard, run, "submitted");
      if (!(await bus.getLastMessage(topology.streams.log.name, begun)))
        return failed("UnknownRun", `there is no run ${run} in the log`);
      waiter.begun();
    }
    const ended = await Promise.race([waiter.ended, aborted.promise]);
    return ended && (await heardFrom(runtime, run, ended));
  } catch (error) {
    if (error instanceof TuttiError && error.code === 404) return failed("UnknownRun", error.message);
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
    waiter.stop();
  }
}

async function heardFrom({ blobs }: Runtime, run: string, ended: Ended): Promise<Heard> {
  if (ended.status !== "succeeded") {
    const why = ended.error?.message ?? "it did not say why";
    return failed(ended.status === "cancelled" ? "RunCancelled" : "RunFailed", `run ${run} was not a success: ${why}`);
  }
  if (ended.outputRef === undefined) return { output: ended.output ?? null };
  // Stored again: it must not expire before the run that has waited for it.
  await blobs.refresh(ended.outputRef);
  return { outputRef: ended.outputRef };
}

const failed = (name: string, message: string): { readonly error: TaskError } => ({
  error: { kind: "terminal", name, message },
});
