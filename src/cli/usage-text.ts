import type { TaskView } from "../core/run-view.ts";
import { formatCount } from "./task-line.ts";

/** What each sum of usage is called, in the order in which they are said. Others have their own names, and come last. */
const WORDS: Readonly<Record<string, string>> = {
  calls: "calls",
  inputTokens: "tokens in",
  cachedTokens: "of them cached",
  outputTokens: "tokens out",
  reasoningTokens: "of them reasoning",
};

/** Writes usage as `3 calls, 33 tokens in, 21 tokens out, $0.0012`. */
export function describeUsage({ cost, ...sums }: Readonly<Record<string, number>>): string {
  const known = Object.keys(WORDS).filter((name) => sums[name] !== undefined);
  const others = Object.keys(sums).filter((name) => !Object.hasOwn(WORDS, name));
  const said = [...known, ...others].map((name) => `${formatCount(sums[name]!)} ${WORDS[name] ?? name}`);
  return [...said, ...(cost === undefined ? [] : [formatCost(cost)])].join(", ");
}

/** Writes a budget as `part: 36 of 19 tokens, 3 of 3 tasks`. */
export function describeBudget({ task, budget = [] }: TaskView): string {
  const parts = budget.map(({ what, limit, used }) =>
    what === "cost"
      ? `${formatCost(used)} of ${formatCost(limit)}`
      : `${formatCount(used)} of ${formatCount(limit)} ${what}`,
  );
  return `${task}: ${parts.join(", ")}`;
}

/** Four digits behind the point, or as many as show the first. */
const formatCost = (cost: number): string => `$${cost === 0 || cost >= 0.0001 ? cost.toFixed(4) : cost.toPrecision(1)}`;
