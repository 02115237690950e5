import type { Clock } from "../../core/clock.ts";
import { BusError, type ObjectStore, type ObjectStoreDefinition } from "../port.ts";
import type { Link } from "./link.ts";

/** An object store as the broker holds it. Expired objects are removed on access; the map is in order of age. */
export class MemoryObjects {
  definition: ObjectStoreDefinition;
  readonly #clock: Clock;
  readonly #objects = new Map<string, { data: Uint8Array; storedMs: number }>();
  #bytes = 0;

  constructor(definition: ObjectStoreDefinition, clock: Clock) {
    this.definition = definition;
    this.#clock = clock;
  }

  put(name: string, data: Uint8Array): void {
    this.#expire();
    const { maxBytes = Infinity, name: store } = this.definition;
    // As in a stream, the new content needs room before the old is removed.
    if (this.#bytes + data.length > (maxBytes || Infinity))
      throw new BusError("full", `${store} is full: it holds ${this.#bytes} bytes of ${maxBytes}.`);
    this.#remove(name); // so that the new entry is the last in order of age
    this.#objects.set(name, { data, storedMs: this.#clock.now() });
    this.#bytes += data.length;
  }

  #remove(name: string): void {
    this.#bytes -= this.#objects.get(name)?.data.length ?? 0;
    this.#objects.delete(name);
  }

  get(name: string): Uint8Array | undefined {
    this.#expire();
    return this.#objects.get(name)?.data;
  }

  #expire(): void {
    const { maxAgeMs } = this.definition;
    if (maxAgeMs === undefined) return;
    const now = this.#clock.now();
    for (const [name, { storedMs }] of this.#objects) {
      if (storedMs + maxAgeMs > now) return;
      this.#remove(name);
    }
  }
}

/** The store as one connection sees it. */
export function openObjects(objects: MemoryObjects, link: Link): ObjectStore {
  return {
    put: (name, data) => link.ask(() => objects.put(name, data), "unconfirmed"),
    get: (name) => link.ask(() => objects.get(name)),
    has: (name) => link.ask(() => objects.get(name) !== undefined),
  };
}
