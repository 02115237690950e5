import type { Clock } from "../core/clock.ts";
import type { Link } from "./memory-link.ts";
import type { ObjectStore, ObjectStoreDefinition } from "./port.ts";

/** An object store as the broker holds it. What is too old goes when the store is touched: objects come in order of age. */
export class MemoryObjects {
  definition: ObjectStoreDefinition;
  readonly #clock: Clock;
  readonly #objects = new Map<string, { data: Uint8Array; storedMs: number }>();

  constructor(definition: ObjectStoreDefinition, clock: Clock) {
    this.definition = definition;
    this.#clock = clock;
  }

  put(name: string, data: Uint8Array): void {
    this.#expire();
    this.#objects.delete(name); // to the end of the order
    this.#objects.set(name, { data, storedMs: this.#clock.now() });
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
      this.#objects.delete(name);
    }
  }
}

/** The store as one connection sees it. */
export function openObjects(objects: MemoryObjects, link: Link): ObjectStore {
  return {
    put: (name, data) => link.ask(() => objects.put(name, data), "unconfirmed"),
    get: (name) => link.ask(() => objects.get(name)),
  };
}
