import type { LimitEntry, ShardPermits } from "./limit-entry.ts";

/**
 * How the permits of a limit are divided among the orchestrators that want some: as evenly as their demands allow; what
 * cannot be divided goes to one after the other. Pure; whoever changes an entry divides what is free for all of them, so
 * that a permit which comes back goes to the next in turn, and no orchestrator has to ask again and again.
 */

/** What one orchestrator has of a limit, over all shards that it owns. */
interface Group {
  readonly owner: string;
  readonly shards: readonly string[];
  held: number;
  readonly wanted: number;
}

/** What the writer of an entry knows better than the entry: what its own shards use and want. */
export interface OwnDemand {
  readonly owner: string;
  /** Every shard that it owns, with what it keeps and what it wants. */
  readonly shards: ReadonlyMap<string, ShardPermits>;
  /** The shards of its waiting tasks, in the order in which they are to have permits. */
  readonly next: readonly string[];
}

/** The permits that there are at most: what the tasks state that use them, where no operator has said. */
export function mostOf({ most, isSet, shards }: Pick<LimitEntry, "most" | "isSet" | "shards">): number {
  if (isSet) return most;
  const stated = Object.values(shards).flatMap((one) => (one.most !== undefined && one.wanted > 0 ? [one.most] : []));
  return stated.length > 0 ? Math.min(...stated) : most;
}

/** The entry after its writer's demand is taken up, and what is free is divided. */
export function allot(entry: LimitEntry, own: OwnDemand): LimitEntry {
  const shards = new Map(Object.entries(entry.shards).map(([shard, permits]) => [shard, { ...permits }]));
  for (const [shard, permits] of own.shards) {
    if (permits.wanted === 0) shards.delete(shard);
    else shards.set(shard, { ...permits });
  }
  const divided = { ...entry, shards: Object.fromEntries(shards), changes: entry.changes + 1 };
  const most = mostOf(divided);
  const groups = groupsOf(divided);
  let free = most - heldIn(groups);
  if (free <= 0) return divided;
  const shares = sharesOf(most, groups);
  const before = new Map(groups.map(({ owner, held }) => [owner, held]));
  // The writer has just given back what it had, or asks for more: the others come first.
  const rotation = afterTurn(groups, entry.turn ?? own.owner);
  for (const group of rotation) {
    const granted = Math.max(0, Math.min(shares.get(group.owner)! - group.held, free));
    group.held += granted;
    free -= granted;
  }
  // The rest is less than one for each.
  for (let hasGiven = true; hasGiven && free > 0; ) {
    hasGiven = false;
    for (const group of rotation) {
      if (group.held >= group.wanted || free === 0) continue;
      group.held++;
      free--;
      divided.turn = group.owner;
      hasGiven = true;
    }
  }
  for (const group of groups) {
    const granted = group.held - before.get(group.owner)!;
    const given = group.owner === own.owner ? own.next : shortOf(group, shards);
    for (const shard of given.slice(0, granted)) shards.get(shard)!.held++;
  }
  return divided;
}

/** Whether a permit that has become free at `owner` is to be divided again: others have less than their share, or there are too many. */
export function mustGiveBack(entry: LimitEntry, owner: string): boolean {
  const groups = groupsOf(entry);
  const most = mostOf(entry);
  if (heldIn(groups) > most) return true;
  if (!groups.some((group) => group.owner !== owner && group.held < group.wanted)) return false;
  const own = groups.find((group) => group.owner === owner);
  return own !== undefined && own.held > sharesOf(most, groups).get(owner)!;
}

export const heldOf = (entry: Pick<LimitEntry, "shards">): number =>
  Object.values(entry.shards).reduce((sum, { held }) => sum + held, 0);

const heldIn = (groups: readonly Group[]): number => groups.reduce((sum, { held }) => sum + held, 0);

function groupsOf({ shards }: Pick<LimitEntry, "shards">): Group[] {
  const byOwner = Map.groupBy(Object.entries(shards), ([, { owner }]) => owner);
  return [...byOwner].map(([owner, own]) => ({
    owner,
    shards: own.map(([shard]) => shard),
    held: own.reduce((sum, [, { held }]) => sum + held, 0),
    wanted: own.reduce((sum, [, { wanted }]) => sum + wanted, 0),
  }));
}

/** What each may have when all get as much as they want, up to a level that is the same for those that want more. */
function sharesOf(most: number, groups: readonly Group[]): ReadonlyMap<string, number> {
  const shares = new Map<string, number>();
  let left = most;
  const modest = [...groups].sort((a, b) => a.wanted - b.wanted);
  for (const [index, { owner, wanted }] of modest.entries()) {
    const level = Math.floor(left / (modest.length - index));
    if (wanted > level) {
      for (const one of modest.slice(index)) shares.set(one.owner, level);
      break;
    }
    shares.set(owner, wanted);
    left -= wanted;
  }
  return shares;
}

/** The groups in order, beginning after the one whose turn was last. */
function afterTurn(groups: readonly Group[], turn: string): Group[] {
  const sorted = [...groups].sort((a, b) => (a.owner < b.owner ? -1 : 1));
  const first = sorted.findIndex(({ owner }) => owner > turn);
  return first < 0 ? sorted : [...sorted.slice(first), ...sorted.slice(0, first)];
}

/** The shards of a group that want more than they hold, each as often as it does. */
function shortOf({ shards }: Group, permits: ReadonlyMap<string, ShardPermits>): string[] {
  return shards.flatMap((shard) => {
    const { held, wanted } = permits.get(shard)!;
    return Array<string>(Math.max(0, wanted - held)).fill(shard);
  });
}
