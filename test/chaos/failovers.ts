import type { Bus } from "../../src/bus/port.ts";
import type { Topology } from "../../src/bus/topology.ts";
import type { Claim } from "../../src/core/claim.ts";
import { decodeJson, encodeJson } from "../../src/core/json.ts";

const QUERY = encodeJson({ run: "nobody", task: "-", attempt: 1 });

interface Stage {
  isAlive(owner: string): boolean;
  /** Whether anybody could take over. While nobody can, time does not count. */
  hasOrchestrator(): boolean;
  isOver(): boolean;
}

/** Follows who owns what, and measures how long a shard is without a live owner. */
export class Failovers {
  readonly #bus: Bus;
  readonly #topology: Topology;
  readonly #owners = new Map<number, string>();
  readonly #watches = new Set<Promise<void>>();
  /** Milliseconds from the death of an owner until another answered for the shard. */
  readonly times: number[] = [];
  readonly #say: (line: string) => void;

  private constructor(bus: Bus, topology: Topology, say: (line: string) => void) {
    this.#say = say;
    this.#bus = bus;
    this.#topology = topology;
  }

  static async open(bus: Bus, topology: Topology, say: (line: string) => void): Promise<Failovers> {
    const failovers = new Failovers(bus, topology, say);
    await (await bus.bucket(topology.buckets.shards)).watch((key, value) => {
      const owner = value && (decodeJson(value) as Claim).owner;
      if (owner) failovers.#owners.set(Number(key), owner);
      else failovers.#owners.delete(Number(key));
    });
    return failovers;
  }

  /** `owner` acts no more from now on. */
  lost(owner: string, stage: Stage): void {
    for (const [shard, current] of this.#owners)
      if (current === owner) this.#watches.add(this.#measure(shard, owner, stage));
  }

  settled = async (): Promise<void> => void (await Promise.allSettled(this.#watches));

  async #measure(shard: number, former: string, { isAlive, hasOrchestrator, isOver }: Stage): Promise<void> {
    let since = performance.now();
    while (!isOver()) {
      if (!hasOrchestrator()) since = performance.now();
      const owner = this.#owners.get(shard);
      // One who took over and died in turn begins a measurement of its own.
      if (owner !== undefined && owner !== former && !isAlive(owner)) return;
      if (owner !== undefined && owner !== former && (await this.#answers(shard))) {
        const ms = performance.now() - since;
        this.times.push(ms);
        return this.#say(`shard ${shard} went from ${former} to ${owner} in ${ms.toFixed(0)} ms`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async #answers(shard: number): Promise<boolean> {
    try {
      await this.#bus.request(this.#topology.subjects.owner(shard), QUERY, { timeoutMs: 1000 });
      return true;
    } catch {
      return false;
    }
  }
}

export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0;
}
