import { z } from "zod";
import { duration } from "./duration.ts";
import { exactObject } from "./exact-object.ts";

/**
 * Joins: when what a task needs, a plan's sinks or a map's items are enough.
 *
 * A join is judged by counters alone, so that a result costs constant work however many the join has.
 */

const PERCENT = /^(?:100(?:\.0+)?|\d{1,2}(?:\.\d+)?)%$/;
export const SHARE_EXPECTED = 'a number, or a share such as "95%"';

/** A number of tasks, or a percentage of them. */
export const share = z.union([z.int().min(0), z.string().regex(PERCENT, { error: `expected ${SHARE_EXPECTED}` })], {
  error: `expected ${SHARE_EXPECTED}`,
});
export type Share = z.output<typeof share>;

/** A quorum of none would be met before anything has happened. */
const quorum = share.refine((value) => (typeof value === "number" ? value : Number.parseFloat(value)) > 0, {
  error: "expected a quorum above 0",
});

const JOIN_WORDS = ["all", "settled", "any"] as const;
export const JOIN_RULES = [...JOIN_WORDS, "quorum"] as const;

/** A join with what belongs to it. */
export const joinDetails = exactObject({
  /** As the word `all`; so that `within` can stand beside it. */
  all: z.literal(true).optional(),
  /** `failures`: how many are tolerated. Default: all of them. */
  settled: z.union([z.literal(true), exactObject({ failures: share.optional() })]).optional(),
  any: z.literal(true).optional(),
  /** How many successes are enough. A percentage is rounded up. */
  quorum: quorum.optional(),
  /** How long the join may take, from when the first of what it joins could start. Default: for ever. */
  within: duration.optional(),
}).refine((stated) => JOIN_RULES.filter((rule) => stated[rule] !== undefined).length === 1, {
  error: "expected exactly one of all, settled, any, quorum",
});

/** A join as an author states it. */
export const join = z.union([z.enum(JOIN_WORDS), joinDetails], {
  error: "expected all, settled, any, or an object with exactly one of all, settled, any, quorum",
});
export type JoinStated = z.output<typeof join>;

/** A join as it is judged. `any` is a quorum of 1. */
export type Join = { readonly withinMs?: number } & (
  | { readonly rule: "all" }
  /** Without `failures`, any number of them is tolerated. */
  | { readonly rule: "settled"; readonly failures?: Share }
  | { readonly rule: "quorum"; readonly quorum: Share }
);

export const ALL: Join = { rule: "all" };

/** The join that an author means; `all` where none is stated. */
export function readJoin(stated: JoinStated | undefined): Join {
  if (stated === undefined || stated === "all") return ALL;
  if (stated === "settled") return { rule: "settled" };
  if (stated === "any") return { rule: "quorum", quorum: 1 };
  const { settled, any, quorum, within } = stated;
  const time = within === undefined ? {} : { withinMs: within };
  if (any) return { rule: "quorum", quorum: 1, ...time };
  if (quorum !== undefined) return { rule: "quorum", quorum, ...time };
  if (settled === undefined) return { rule: "all", ...time };
  const failures = settled === true ? undefined : settled.failures;
  return { rule: "settled", ...(failures !== undefined && { failures }), ...time };
}

/** How those that are joined have come out so far. They add up to how many there are. */
export interface JoinCounts {
  readonly succeeded: number;
  readonly failed: number;
  readonly skipped: number;
  /** Those that are not over. */
  readonly unfinished: number;
}

/**
 * `open`: not decided yet. Later counts never open a verdict again, and never turn a join that is met into one that is not,
 * or the reverse. Of `skipped` and `broken` the first one stands: a failure that comes after the skip finds the task over.
 */
export type Verdict = "open" | "met" | "broken" | "skipped";

/**
 * The verdict of a join over these counts.
 *
 * What a result counts as depends on the join and the task, and is for the caller to say: under `all` an optional failure
 * counts as skipped, and a skip that every mention bears counts as succeeded.
 */
export function judge(join: Join, counts: JoinCounts): Verdict {
  const { succeeded, failed, skipped, unfinished } = counts;
  switch (join.rule) {
    case "all":
      if (failed > 0) return "broken";
      if (skipped > 0) return "skipped";
      return unfinished === 0 ? "met" : "open";
    case "settled":
      if (failed > toleratedFailures(join.failures, sizeOf(counts))) return "broken";
      return unfinished === 0 ? "met" : "open";
    case "quorum": {
      const enough = quorumOf(join, sizeOf(counts));
      if (succeeded >= enough) return "met";
      if (succeeded + unfinished >= enough) return "open";
      return failed > 0 ? "broken" : "skipped";
    }
  }
}

/** The verdict on an open join whose `within` is over: what is settled by then is enough, anything else is a timeout. */
export const judgeAtEnd = (join: Join): "met" | "broken" => (join.rule === "settled" ? "met" : "broken");

/** How many successes a quorum asks for, of so many. More than there are can never be met, and is refused. */
export const quorumOf = (join: Join & { rule: "quorum" }, size: number): number => amountOf(join.quorum, size, "up");

/** What is wrong with a join over so many, if anything is: a quorum above what there is. */
export function findExcess(join: Join, size: number): { expected: string; received: string } | undefined {
  if (join.rule !== "quorum" || quorumOf(join, size) <= size) return undefined;
  return { expected: `a quorum of at most ${size}, all that there are`, received: String(quorumOf(join, size)) };
}

const sizeOf = ({ succeeded, failed, skipped, unfinished }: JoinCounts): number =>
  succeeded + failed + skipped + unfinished;

const toleratedFailures = (stated: Share | undefined, size: number): number =>
  stated === undefined ? size : amountOf(stated, size, "down");

/** Decimal percentages are not exact in binary: 33.3 % of 1000 is 333, and not a little more, which would round up to 334. */
function amountOf(stated: Share, size: number, round: "up" | "down"): number {
  if (typeof stated === "number") return stated;
  const amount = (Number.parseFloat(stated) * size) / 100;
  const nearest = Math.round(amount);
  if (Math.abs(amount - nearest) < 1e-6) return nearest;
  return round === "up" ? Math.ceil(amount) : Math.floor(amount);
}
