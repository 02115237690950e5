import { describe, expect, it } from "vitest";
import { fnv1a, SHARD_HASH, shardOf } from "../../src/core/hash.ts";

describe("the hash", () => {
  it("never changes: logs and queues are laid out by it", () => {
    expect(SHARD_HASH).toBe("fnv1a-murmur3-32");
    expect(["", "a", "run-1", "ä€😀"].map((text) => fnv1a(text))).toEqual([
      2872998923, 444641715, 2463314387, 119109006,
    ]);
  });

  it("is an unsigned 32-bit integer", () => {
    for (let i = 0; i < 1000; i++) {
      const hash = fnv1a(`text ${i}`);
      expect(hash).toBe(hash >>> 0);
    }
  });

  it("spreads similar runs evenly over the shards", () => {
    for (const shards of [3, 16, 64]) {
      const counts = new Array<number>(shards).fill(0);
      for (let i = 0; i < 1000 * shards; i++) counts[shardOf(`run-${i}`, shards)]!++;
      expect(Math.min(...counts), `of ${shards}`).toBeGreaterThan(850);
      expect(Math.max(...counts), `of ${shards}`).toBeLessThan(1150);
    }
  });
});
