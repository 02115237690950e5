/**
 * What every adapter of the bus port must do: one suite, run against each. It keeps to real time and uses names of its
 * own, so that it can share a server with anything else.
 */
import { randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe } from "vitest";
import type { Bus } from "../../src/bus/port.ts";
import { bucketContract } from "./bus-bucket.ts";
import { consumerContract } from "./bus-consumer.ts";
import { coreContract } from "./bus-core.ts";
import { followContract } from "./bus-follow.ts";
import { lifetimeContract } from "./bus-lifetime.ts";
import { queueContract } from "./bus-queue.ts";
import { streamContract } from "./bus-stream.ts";
import type { Contract } from "./contract.ts";

export interface BusHarness {
  /** A new connection to the same broker. */
  connect(): Promise<Bus>;
  stop?(): Promise<void>;
}

export function describeBusContract(name: string, createHarness: () => Promise<BusHarness>): void {
  describe(`${name}, as a bus`, () => {
    let harness: BusHarness;
    let connected: Bus[] = [];
    beforeAll(async () => {
      harness = await createHarness();
    });
    afterEach(async () => {
      await Promise.all(connected.map((bus) => bus.close()));
      connected = [];
    });
    afterAll(() => harness?.stop?.());

    const contract: Contract = {
      async connect() {
        const bus = await harness.connect();
        connected.push(bus);
        return bus;
      },
      unique: () => `t${randomBytes(6).toString("hex")}`,
    };
    coreContract(contract);
    streamContract(contract);
    followContract(contract);
    queueContract(contract);
    consumerContract(contract);
    bucketContract(contract);
    lifetimeContract(contract);
  });
}
