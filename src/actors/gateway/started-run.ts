import { encodeJson } from "../../core/json.ts";
import { HEADERS } from "../../core/request.ts";
import type { Runtime } from "../host/runtime.ts";
import type { RunToStart } from "../shard/run-starter.ts";
import type { Admission } from "./admission.ts";
import { readRequest } from "./request-reading.ts";
import { submit } from "./submission.ts";

/** Starts a run that a task of another run asks for, as a request would. Rejects with a `TuttiError` as a request is refused. */
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
