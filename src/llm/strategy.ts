import { fnv1a } from "../core/hash.ts";
import type { StrategyName } from "../core/models-settings.ts";

/** What a strategy sees of a member of a pool. */
export interface MemberFigures {
  readonly name: string;
  /** A member of weight 2 is given twice the share of one of weight 1. */
  readonly weight: number;
  /** Uses in progress. */
  readonly load: number;
  /** Moving average of the time that a use takes, milliseconds. Undefined before the first has ended. */
  readonly latencyMs: number | undefined;
}

/** Chooses one of the members that can be used now; there is at least one. */
export type Strategy = <M extends MemberFigures>(members: readonly M[]) => M;

/** Makes a strategy for one pool; what it remembers between choices is its own. `random` is uniform in [0, 1). */
export type StrategyMaker = (random: () => number) => Strategy;

/** The member with the lowest score; among equals the first. */
function lowest<M>(members: readonly M[], score: (member: M) => number): M {
  return members.reduce((best, one) => (score(one) < score(best) ? one : best));
}

/** Smooth weighted round robin, as nginx has it: weights 3 and 1 give a a b a, and not a a a b. */
const roundRobin: StrategyMaker = () => {
  const credits = new Map<string, number>();
  const creditOf = ({ name }: MemberFigures) => credits.get(name) ?? 0;
  return (members) => {
    const total = members.reduce((sum, { weight }) => sum + weight, 0);
    for (const one of members) credits.set(one.name, creditOf(one) + one.weight);
    const chosen = lowest(members, (one) => -creditOf(one));
    credits.set(chosen.name, creditOf(chosen) - total);
    return chosen;
  };
};

/** Equals take turns, so that a pool without load is used evenly. */
const leastLoaded: StrategyMaker = (random) => {
  const turns = roundRobin(random);
  const score = ({ load, weight }: MemberFigures) => (load + 1) / weight;
  return (members) => {
    const least = Math.min(...members.map(score));
    return turns(members.filter((one) => score(one) === least));
  };
};

/** The shortest expected wait: the usual time, times what is in progress. A member not measured yet is tried first. */
const leastResponseTime: StrategyMaker = () => (members) =>
  lowest(members, ({ latencyMs = 0, load, weight }) =>
    latencyMs === 0 ? load / 1e6 : (latencyMs * (load + 1)) / weight,
  );

const random: StrategyMaker = (uniform) => (members) => {
  let left = uniform() * members.reduce((sum, { weight }) => sum + weight, 0);
  for (const one of members) {
    left -= one.weight;
    if (left < 0) return one;
  }
  return members.at(-1)!;
};

/** The strategies by name. */
export const STRATEGIES = {
  "round-robin": roundRobin,
  "least-loaded": leastLoaded,
  "least-response-time": leastResponseTime,
  random,
} as const satisfies Readonly<Record<StrategyName, StrategyMaker>>;

/**
 * The member that a key sticks to: the same while that member can be used, whatever the others do (rendezvous hashing,
 * weighted as in https://www.snia.org/sites/default/files/SDC15_presentations/dist_sys/Jason_Resch_New_Consistent_Hashings_Rev.pdf).
 */
export const stickTo = <M extends MemberFigures>(members: readonly M[], key: string): M =>
  lowest(members, ({ name, weight }) => -Math.log((fnv1a(`${name}\n${key}`) + 1) / (2 ** 32 + 1)) / weight);
