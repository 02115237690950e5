import type { BusEvent } from "../../bus/bus-event.ts";
import type { BucketDefinition } from "../../bus/port.ts";
import type { Topology } from "../../bus/topology.ts";
import { insist } from "./insist.ts";
import type { Runtime } from "./runtime.ts";

type LostEvent = Extract<BusEvent, { readonly type: "lost" }>;

/** The stream of a bucket, as a `lost` event names it. */
export const bucketStream = ({ name }: Pick<BucketDefinition, "name">): string => `KV_${name}`;

/** Whether an event says that one of these streams was lost. */
export const hasLost = (event: BusEvent, ...streams: readonly string[]): boolean =>
  event.type === "lost" && streams.some((stream) => event.streams.includes(stream));

/** Whether the runs themselves were lost. */
export const hasLostRuns = (event: BusEvent, { streams }: Pick<Topology, "streams">): boolean =>
  hasLost(event, streams.log.name);

/** The log line for a loss: what was lost, and what happens to it. */
export function describeLoss({ streams, problem }: LostEvent, bus: string): string {
  if (problem !== undefined)
    return `streams that Tutti needs are missing on ${bus}, and cannot be created again yet: ${problem}`;
  const names = [...streams].sort().join(", ");
  return `DATA WAS LOST: ${names} did not exist on ${bus} any more (deleted, or the server came back without its store); created again, empty. Runs that were stored there are lost`;
}

/**
 * Stores the shared entries of this process again after a loss: settings, types and queues. It repeats this until they
 * are stored, and begins again on another loss.
 */
export class LossRepair {
  readonly #runtime: Pick<Runtime, "clock" | "trouble">;
  readonly #restore: () => Promise<void>;
  #wanted = false;
  #isRunning = false;
  #stopped = false;

  constructor(runtime: Pick<Runtime, "clock" | "trouble">, restore: () => Promise<void>) {
    this.#runtime = runtime;
    this.#restore = restore;
  }

  begin(): void {
    this.#wanted = true;
    if (!this.#isRunning) void this.#repeat();
  }

  stop(): void {
    this.#stopped = true;
  }

  async #repeat(): Promise<void> {
    this.#isRunning = true;
    while (this.#wanted && !this.#stopped) {
      this.#wanted = false;
      const name = () => "settings, types and queues";
      // Any error is retried, because nothing works without these entries.
      const options = { work: RESTORED, name, wanted: () => !this.#stopped, passes: () => true };
      await insist(this.#runtime, this.#restore, options);
    }
    this.#isRunning = false;
  }
}

const RESTORED = {
  one: "group of lost entries is not stored again yet",
  many: "groups of lost entries are not stored again yet",
};
