import type { Delivery, Stoppable } from "../../bus/port.ts";
import { mostBytes } from "../../bus/sizes.ts";
import { encodeJson } from "../../core/json.ts";
import type { Held } from "../../core/query.ts";
import type { WorkerRuntime } from "../attempt/worker-runtime.ts";

/**
 * Answers which task messages this worker has taken and not ended yet. That there is no answer says as much: the process is
 * gone, or its event loop is blocked.
 */
export function answerInquiries(runtime: WorkerRuntime, held: () => Iterable<Delivery>): Promise<Stoppable> {
  const { bus, topology, id } = runtime;
  return bus.subscribe(topology.subjects.worker(id), (message) => {
    const whole: Held = { v: 1, held: Array.from(held(), ({ subject }) => subject) };
    const data = encodeJson(whole);
    // One that does not say all says nothing: what it leaves out must not be taken for lost.
    message.respond(data.length <= mostBytes(bus) ? data : encodeJson({ v: 1 } satisfies Held));
  });
}
