import { createHash } from "node:crypto";
import type { LimitEntry } from "../../core/limit-entry.ts";

/** A limit as an entry describes it. */
export type LimitName = Pick<LimitEntry, "by" | "of" | "tenant" | "perMs">;

/**
 * The key of a limit's entry in its bucket. The keys of plans may be any text: they are hashed. A rate over one time and a
 * rate over another have entries of their own, and so has the concurrency.
 */
export function entryKey({ by, of, tenant, perMs }: LimitName): string {
  const what = perMs === undefined ? "concurrency" : `rate.${perMs}`;
  return by === "key" ? `key.${tenant}.${digest(of)}.${what}` : `${by}.${of}.${what}`;
}

const digest = (key: string): string => createHash("sha256").update(key).digest("base64url").slice(0, 22);
