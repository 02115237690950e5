import { z } from "zod";
import { approval, signalAnswer } from "./approval.ts";
import { wireError } from "./error.ts";
import { heldTask } from "./held.ts";
import { name } from "./names.ts";
import { settledQuery, signalFields } from "./query.ts";
import { blobRef } from "./stored.ts";

/** What orchestrators ask the owner of a shard. Without `ask`, whether an attempt is settled. */
export const ownerRequest = z.union([
  z.object({
    ask: z.literal("signal"),
    ...signalFields,
    id: name,
    /** Its content, where that is large. */
    dataRef: blobRef.optional(),
  }),
  z.object({ ask: z.literal("approvals"), tenant: name, limit: z.int().min(1) }),
  z.object({ ask: z.literal("held"), tenant: name, run: name }),
  settledQuery,
]);
export type OwnerRequest = z.output<typeof ownerRequest>;
export type SignalRequest = Extract<OwnerRequest, { ask: "signal" }>;
export type ApprovalsRequest = Extract<OwnerRequest, { ask: "approvals" }>;

/** `isOwned: false`: the run is not in progress, as far as the owner knows. */
export const signalReply = z.union([z.object({ isOwned: z.literal(false) }), signalAnswer]);
export type SignalReply = z.output<typeof signalReply>;
export const approvalsReply = z.array(approval);
export const heldReply = z.array(heldTask);
export const ownerFailure = z.object({ error: wireError });
