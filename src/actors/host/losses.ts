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

/** Says once for each loss what was lost, and what becomes of it. */
export function describeLoss({ streams, problem }: LostEvent, bus: string): string {
  if (problem !== undefined)
    return `something that Tutti needs is gone from ${bus}, and cannot be made again yet: ${problem}`;
  const names = [...streams].sort().join(", ");
  return `DATA WAS LOST: ${names} had gone from ${bus} (deleted, or the server came back without its store); made again, empty. Runs that were in it are gone`;
}

/**
 * Stores again what this process had stored for all to see, after a loss: settings, types, queues. Repeats it until it is
 * stored; a loss meanwhile begins it again.
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
      // Whatever it is, nothing works until they are there.
      const options = { work: RESTORED, name, wanted: () => !this.#stopped, passes: () => true };
      await insist(this.#runtime, this.#restore, options);
    }
    this.#isRunning = false;
  }
}

const RESTORED = {
  one: "thing that was lost is not stored again yet",
  many: "things that were lost are not stored again yet",
};
