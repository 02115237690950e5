/**
 * The in-process bus: JetStream's behaviour without a server. Nothing is on disk, and no other process can connect.
 *
 * Data passes as the same bytes, uncopied: neither the sender nor a receiver may change them afterwards.
 * All time and chance come from the clock, so that a virtual one makes the whole bus deterministic.
 */
import { type Clock, systemClock } from "../../core/clock.ts";
import type { Bus } from "../port.ts";
import { BrokerState } from "./broker.ts";
import { type Connection, createConnection } from "./connection.ts";
import type { Faults } from "./faults.ts";

export interface MemoryBusOptions {
  /** Default: the real one. */
  readonly clock?: Clock;
  /** Largest message in bytes, headers included. Default 1 MiB, as a NATS server's. */
  readonly maxPayload?: number;
  /** What goes wrong. Default: nothing. */
  readonly faults?: Faults;
  /** How long an append waits for an acknowledgement that a fault has lost, in milliseconds. Default 5,000. */
  readonly acknowledgementTimeoutMs?: number;
}

/** A broker and any number of connections to it, as of several processes. */
export interface MemoryBroker {
  connect(): Bus;
  /**
   * Cuts a connection as the death of its process would: nothing more reaches its handlers nor the broker, what it has
   * pulled stays out until the ack wait lapses, and what it waits for rejects (`unconfirmed` for a write, else `closed`).
   */
  crash(bus: Bus): void;
  /** Takes messages of at most so many bytes from now on, as a server that was restarted with another limit. */
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

/** A broker of its own with one connection. */
export function createMemoryBus(options: MemoryBusOptions = {}): Bus {
  return createMemoryBroker(options).connect();
}
