/**
 * The in-process bus: JetStream's behaviour without a server. Nothing is on disk, and no other process can connect.
 *
 * Data is passed without copying: neither the sender nor a receiver may change the bytes afterwards.
 * All time and randomness come from the clock, so a virtual clock makes the whole bus deterministic.
 */
import { type Clock, systemClock } from "../../core/clock.ts";
import type { Bus } from "../port.ts";
import { BrokerState } from "./broker.ts";
import { type Connection, createConnection } from "./connection.ts";
import type { Faults } from "./faults.ts";

export interface MemoryBusOptions {
  /** The source of time and randomness. Default: the system's. */
  readonly clock?: Clock;
  /** The largest message in bytes, headers included. Default 1 MiB, as on a NATS server. */
  readonly maxPayload?: number;
  /** The faults to inject. Default: none. */
  readonly faults?: Faults;
  /** The time that an append waits for an acknowledgement that a fault has lost, in milliseconds. Default 5,000. */
  readonly acknowledgementTimeoutMs?: number;
}

/** A broker and any number of connections to it, each of which can stand for a process. */
export interface MemoryBroker {
  connect(): Bus;
  /**
   * Cuts a connection as the death of its process would. Nothing more reaches its handlers or the broker, deliveries
   * that it has pulled stay unsettled until the ack wait lapses, and its pending calls reject (`unconfirmed` for a
   * write, else `closed`).
   */
  crash(bus: Bus): void;
  /** Limits messages to `bytes` from now on, as a server that was restarted with another limit. */
  limitPayload(bytes: number): void;
}

export function createMemoryBroker(options: MemoryBusOptions = {}): MemoryBroker {
  const { clock = systemClock, maxPayload = 1024 * 1024, faults = {}, acknowledgementTimeoutMs = 5_000 } = options;
  const state = new BrokerState(clock, faults, maxPayload);
  const connections = new Map<Bus, Connection>();
  let connected = 0;
  return {
    connect() {
      const number = ++connected;
      const connection = createConnection(state, {
        number,
        acknowledgementTimeoutMs,
        onEnd() {
          connections.delete(connection.bus);
          if (connections.size === 0) state.stop();
        },
      });
      connections.set(connection.bus, connection);
      return connection.bus;
    },
    crash: (bus) => connections.get(bus)?.end(true),
    limitPayload: (bytes) => {
      state.maxPayload = bytes;
    },
  };
}

/** Creates a broker with a single connection. */
export function createMemoryBus(options: MemoryBusOptions = {}): Bus {
  return createMemoryBroker(options).connect();
}
