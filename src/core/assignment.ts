import { fnv1a } from "./hash.ts";

/**
 * Who should own which shard, given who is alive: rendezvous hashing with a cap, so that no member has two more than
 * another, and little moves when one comes or goes. The same for the same members, in whatever order.
 */
export function assignShards(shards: number, members: readonly string[]): string[] {
  const owners = new Array<string>(shards);
  if (members.length === 0) return owners;
  const least = Math.floor(shards / members.length);
  /** So many members have one more. */
  let more = shards % members.length;
  const counts = new Map<string, number>();
  const bids = members.flatMap((member) =>
    Array.from({ length: shards }, (_, shard) => ({ member, shard, weight: fnv1a(`${shard} ${member}`) })),
  );
  bids.sort((a, b) => b.weight - a.weight || a.shard - b.shard || (a.member < b.member ? -1 : 1));
  for (const { member, shard } of bids) {
    const count = counts.get(member) ?? 0;
    if (owners[shard] !== undefined || count > least || (count === least && more === 0)) continue;
    if (count === least) more--;
    owners[shard] = member;
    counts.set(member, count + 1);
  }
  return owners;
}
