import { z } from "zod";
import { TuttiError } from "./error.ts";
import { LIMITED_BY, type LimitEntry } from "./limit-entry.ts";
import { isName, name } from "./names.ts";
import { mostOf } from "./permits.ts";

/** A line of `limits`: a limit has one for its concurrency, and one for its rate. */
export const limitView = z.object({
  /** `type:fetch`, `tenant:acme`, `key:site`. */
  limit: z.string(),
  /** Of a key. */
  tenant: name.optional(),
  what: z.enum(["concurrency", "rate"]),
  /** Permits in all. */
  most: z.int(),
  /** Of a rate: so many in any such time, ms. */
  perMs: z.number().optional(),
  /** Permits that the orchestrators hold: those of attempts, and a few that wait for the next. */
  held: z.int(),
  /** Tasks that are held back, as far as it was written down: orchestrators do not for each. */
  waiting: z.int(),
  /** Whether an operator has set it; else plans state it. */
  isSet: z.boolean(),
});
export type LimitView = z.output<typeof limitView>;

export function viewLimit(entry: LimitEntry): LimitView {
  const { by, of, tenant, perMs, isSet, shards } = entry;
  const all = Object.values(shards);
  return {
    limit: `${by}:${of}`,
    ...(tenant !== undefined && { tenant }),
    what: perMs === undefined ? "concurrency" : "rate",
    most: mostOf(entry),
    ...(perMs !== undefined && { perMs }),
    held: all.reduce((sum, { held }) => sum + held, 0),
    waiting: all.reduce((sum, { held, wanted }) => sum + Math.max(0, wanted - held), 0),
    isSet,
  };
}

const EXPECTED = "type:<type>, tenant:<tenant> or key:<key>";

/** What is limited, by the name that people write. Keys are a tenant's. Throws a {@link TuttiError} (400). */
export function parseLimitName(text: string, tenant: string): Pick<LimitEntry, "by" | "of" | "tenant"> {
  const colon = text.indexOf(":");
  const by = LIMITED_BY.find((one) => one === text.slice(0, colon));
  const of = text.slice(colon + 1);
  if (!by || of === "" || (by !== "key" && !isName(of)))
    throw new TuttiError(400, `limit ${JSON.stringify(text)}: expected ${EXPECTED}`, {
      expected: EXPECTED,
      received: text,
    });
  return by === "key" ? { by, of, tenant } : { by, of };
}

/**
 * Limits that hold for all processes, and may be changed at any time: `type:<type>`, `tenant:<tenant>`, or `key:<key>`, by
 * which the tasks of plans are limited within a tenant.
 */
export interface LimitControl {
  /** Those that are set, and those of plans whose tasks run or wait, with how full they are. */
  list(): Promise<LimitView[]>;
  /**
   * `concurrency`: attempts at once; `rate`: attempts begun in any such time (`"100/1m"`). What is left out stays as it is.
   * What is in progress goes on: until it is fewer, nothing more begins. Rejects with 400.
   */
  set(limit: string, options: { concurrency?: number; rate?: string; tenant?: string }): Promise<LimitView[]>;
  /** What waits for it goes on. Rejects with 404 where nothing was set. */
  remove(limit: string, options?: { tenant?: string }): Promise<void>;
}
