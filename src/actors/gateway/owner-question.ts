import { isBusError } from "../../bus/port.ts";
import { sleep } from "../../core/clock.ts";
import { messageOf, TuttiError } from "../../core/error.ts";
import { decodeJson, encodeJson } from "../../core/json.ts";
import { type OwnerRequest, ownerFailure } from "../../core/owner-request.ts";
import type { Shards } from "../cluster/shards.ts";
import type { Runtime } from "../host/runtime.ts";
import { answerRequest } from "../shard/owner-requests.ts";

/** The time limit for one answer, and for all attempts together, since a takeover takes a few seconds. */
const ANSWER_MS = 5000;
const PATIENCE_MS = 8000;
const LOOK_AGAIN_MS = 200;

/**
 * Sends a request to the owner of a shard, in this process or another. A shard that is being taken over has no owner
 * for a while, so the request is repeated. Rejects with the owner's `TuttiError`, or with 503 when no owner has
 * answered.
 */
export async function askOwner(
  { runtime, shards }: { readonly runtime: Runtime; readonly shards: Shards },
  shard: number,
  request: OwnerRequest,
  patienceMs = PATIENCE_MS,
): Promise<unknown> {
  const { clock } = runtime;
  const since = clock.monotonic();
  for (;;) {
    try {
      return await askOnce(runtime, shards, shard, request);
    } catch (error) {
      if (error instanceof TuttiError) throw error;
      if (!isBusError(error) || clock.monotonic() - since >= patienceMs)
        throw new TuttiError(
          503,
          `the owner of shard ${shard} does not answer: ${messageOf(error)}`,
          {},
          { cause: error },
        );
      await sleep(clock, LOOK_AGAIN_MS);
    }
  }
}

async function askOnce(
  { bus, topology }: Runtime,
  shards: Shards,
  shard: number,
  request: OwnerRequest,
): Promise<unknown> {
  const owner = shards.ownerOf(shard);
  if (owner) return answerRequest(owner, request);
  const reply = await bus.request(topology.subjects.owner(shard), encodeJson(request), { timeoutMs: ANSWER_MS });
  const answer = decodeJson(reply.data);
  const failure = ownerFailure.safeParse(answer);
  if (failure.success) throw TuttiError.fromWire(failure.data.error);
  return answer;
}
