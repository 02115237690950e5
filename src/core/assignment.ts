import { fnv1a } from "./hash.ts";

/**
 * The owner of each shard, given the members that are alive: rendezvous hashing with a cap, so that no member has two more
 * than another, and little moves when one comes or goes. The same for the same members, in whatever order. A shard that
 * only some members can read goes to these, even if they then have more than others; one that no member can read has no
 * owner.
 */
export function assignShards(
  shards: number,
  members: readonly string[],
  canRead: (member: string, shard: number) => boolean = () => true,
): (string | undefined)[] {
  const owners = new Array<string | undefined>(shards).fill(undefined);
  if (members.length === 0) return owners;
  const least = Math.floor(shards / members.length);
  /** So many members have one more. */
  let more = shards % members.length;
  const counts = new Map<string, number>();
  const bids = members.flatMap((member) =>
    Array.from({ length: shards }, (_, shard) => ({ member, shard, weight: fnv1a(`${shard} ${member}`) })).filter(
      ({ shard }) => canRead(member, shard),
    ),
  );
  bids.sort((a, b) => b.weight - a.weight || a.shard - b.shard || (a.member < b.member ? -1 : 1));
  for (const { member, shard } of bids) {
    const count = counts.get(member) ?? 0;
    if (owners[shard] !== undefined || count > least || (count === least && more === 0)) continue;
    if (count === least) more--;
    owners[shard] = member;
    counts.set(member, count + 1);
  }
  for (const { shard } of bids) {
    if (owners[shard] !== undefined) continue;
    const able = bids.filter((bid) => bid.shard === shard).map(({ member }) => member);
    const countOf = (member: string) => counts.get(member) ?? 0;
    const leastLoaded = able.reduce((best, member) => (countOf(member) < countOf(best) ? member : best));
    owners[shard] = leastLoaded;
    counts.set(leastLoaded, countOf(leastLoaded) + 1);
  }
  return owners;
}
