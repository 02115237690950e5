/** FNV-1a, 32 bits, over UTF-16 code units. Stable for ever: shards and jitter depend on it. */
export function fnv1a(text: string, seed = 0x811c9dc5): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  // FNV's high bits mix better than its low ones; the final avalanche is murmur3's.
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The name of this hash, recorded beside the number of shards. */
export const SHARD_HASH = "fnv1a-murmur3-32";

/** The shard of a run, 0 to `shards - 1`. */
export const shardOf = (run: string, shards: number): number => fnv1a(run) % shards;
