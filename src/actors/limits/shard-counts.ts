/** Counts by shard; those that are 0 are left out. */

export const increase = (counts: Map<number, number>, shard: number): void =>
  void counts.set(shard, (counts.get(shard) ?? 0) + 1);

export function decrease(counts: Map<number, number>, shard: number): void {
  const left = (counts.get(shard) ?? 0) - 1;
  if (left > 0) counts.set(shard, left);
  else counts.delete(shard);
}
