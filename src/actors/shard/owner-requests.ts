import type { Message } from "../../bus/port.ts";
import type { Approval } from "../../core/approval.ts";
import { TuttiError } from "../../core/error.ts";
import type { HeldTask } from "../../core/held.ts";
import { decodeJson, encodeJson } from "../../core/json.ts";
import { type ApprovalsRequest, type OwnerRequest, ownerRequest } from "../../core/owner-request.ts";
import { attemptStatus, type OwnedRuns } from "./attempt-status.ts";
import type { Signals } from "./signals.ts";

/** The owner of a shard, as far as it is asked. */
interface AskedOwner extends OwnedRuns {
  readonly signals: Pick<Signals, "receive">;
  listHeld(tenant: string, run: string): HeldTask[];
  listApprovals(request: ApprovalsRequest): Approval[];
}

/** Answers what orchestrators ask the owner of a shard. Rejects with a `TuttiError`, or when the shard is lost meanwhile. */
export async function answerRequest(owner: AskedOwner, request: OwnerRequest): Promise<object> {
  if (!("ask" in request)) return attemptStatus(owner, request);
  if (request.ask === "signal") return owner.signals.receive(request);
  if (request.ask === "held") return owner.listHeld(request.tenant, request.run);
  await owner.caughtUp();
  return owner.listApprovals(request);
}

/** The same over the bus. */
export function answerOwnerRequest(owner: AskedOwner, message: Message): void {
  const answer = async () => {
    const request = ownerRequest.parse(decodeJson(message.data));
    message.respond(encodeJson(await answerRequest(owner, request)));
  };
  answer().catch((error) => {
    // Nothing is known where the shard was lost: the one that asked stops waiting after its timeout, and may ask again.
    if (error instanceof TuttiError) message.respond(encodeJson({ error: error.toJSON() }));
  });
}
