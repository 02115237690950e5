import { connectNats } from "../../src/bus/nats/bus.ts";
import type { Bus } from "../../src/bus/port.ts";
import { createTopology, type Topology } from "../../src/bus/topology.ts";
import type { Claim } from "../../src/core/claim.ts";
import { decodeJson, encodeJson } from "../../src/core/json.ts";
import { eventually } from "../contract/wait.ts";

/** Follows who owns what, as the claims say. */
export interface ShardWatch extends AsyncDisposable {
  readonly bus: Bus;
  readonly topology: Topology;
  /** The owner of each shard that has one. */
  readonly owners: ReadonlyMap<number, string>;
  /** Shards that were given back by their owners: what is taken from one that has expired is not among them. */
  readonly givenBack: ReadonlySet<number>;
  countOf(owner: string): number;
  /** Resolves when each of `members` owns as many, give or take one, they own all, and their owners answer. */
  balanced(members: readonly string[], timeoutMs?: number): Promise<void>;
}

const QUERY = encodeJson({ run: "nobody", task: "-", attempt: 1 });

export async function watchShards(url: string, prefix: string, shards: number): Promise<ShardWatch> {
  const bus = await connectNats({ servers: url, name: "shard-watch" });
  const topology = createTopology({ prefix });
  const owners = new Map<number, string>();
  const givenBack = new Set<number>();
  const bucket = await bus.bucket(topology.buckets.shards);
  await bucket.watch((key, value) => {
    const owner = value && (decodeJson(value) as Claim).owner;
    if (owner === null) givenBack.add(Number(key));
    if (owner) owners.set(Number(key), owner);
    else owners.delete(Number(key));
  });
  const countOf = (owner: string) => [...owners.values()].filter((one) => one === owner).length;
  const answers = async (shard: number): Promise<boolean> => {
    try {
      await bus.request(topology.subjects.owner(shard), QUERY, { timeoutMs: 500 });
      return true;
    } catch {
      return false;
    }
  };
  return {
    bus,
    topology,
    owners,
    givenBack,
    countOf,
    async balanced(members, timeoutMs = 60_000) {
      const isBalanced = async () => {
        const counts = members.map(countOf);
        if (counts.reduce((a, b) => a + b, 0) !== shards) return false;
        if (Math.max(...counts) - Math.min(...counts) > 1) return false;
        return (await Promise.all([...owners.keys()].map(answers))).every(Boolean);
      };
      await eventually(() => `${members.join(", ")} to share: ${JSON.stringify([...owners])}`, isBalanced, timeoutMs);
    },
    [Symbol.asyncDispose]: () => bus.close(),
  };
}
