import { encodeJson } from "../../core/json.ts";
import { HEADERS } from "../../core/request.ts";
import type { Runtime } from "../host/runtime.ts";
import type { RunToStart } from "../shard/run-starter.ts";
import type { Admission } from "./admission.ts";
import { readRequest } from "./request-reading.ts";
import { submit } from "./submission.ts";

/** Starts a run for a task of another run, as a request does. Rejects with the `TuttiError` of a refused request. */
export async function startRun(runtime: Runtime, admission: Admission, started: RunToStart): Promise<void> {
  const { tenant, run, type, input, priority, requester } = started;
  const headers = {
    [HEADERS.tenant]: tenant,
    [HEADERS.run]: run,
    [HEADERS.priority]: priority,
    [HEADERS.requester]: requester,
  };
  const request = await readRequest(runtime, type, { data: encodeJson(input), headers });
  await submit(runtime, admission, request, { patient: true });
}
