import type { Bus, ObjectStore } from "../../bus/port.ts";
import type { Topology } from "../../bus/topology.ts";
import type { Clock } from "../../core/clock.ts";
import { messageOf, TerminalError } from "../../core/error.ts";
import { decodeExact } from "../../core/exact-json.ts";
import { encodeJson, type Json } from "../../core/json.ts";
import type { Blobs } from "../../define/worker.ts";

/** The object store as Tutti uses it: the content of a name never changes. */
export class BlobStore implements Blobs {
  readonly #store: ObjectStore;
  readonly #clock: Clock;

  private constructor(store: ObjectStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  static async open(bus: Bus, topology: Topology, clock: Clock): Promise<BlobStore> {
    return new BlobStore(await bus.objects(topology.blobs), clock);
  }

  async put(data: Uint8Array): Promise<string> {
    const ref = this.#clock.id();
    await this.#store.put(ref, data);
    return ref;
  }

  async get(ref: string): Promise<Uint8Array> {
    const found = await this.#store.get(ref);
    if (!found) throw new TerminalError(`blob ${ref} does not exist: it was never stored, or has expired`);
    return found;
  }

  has = (ref: string): Promise<boolean> => this.#store.has(ref);

  /** Stores the value under a name that its purpose determines. */
  async putJsonAs(ref: string, value: Json): Promise<string> {
    await this.#store.put(ref, encodeJson(value));
    return ref;
  }

  /** Stores the blob again, so that it expires later. A blob that has expired is not restored. */
  async refresh(ref: string): Promise<void> {
    const found = await this.#store.get(ref);
    if (found) await this.#store.put(ref, found);
  }

  /**
   * Reads a blob as JSON. Rejects with a TerminalError also if it is not JSON, since another attempt would not help.
   */
  async getJson(ref: string): Promise<Json> {
    return parse(ref, await this.get(ref));
  }

  /** Fetches several blobs as JSON. The returned function looks them up. */
  async loadAll(refs: Iterable<string>): Promise<(ref: string) => Json> {
    return (await this.loadWithin(refs, Number.POSITIVE_INFINITY))!;
  }

  /** As {@link loadAll}, but resolves with undefined if the blobs together exceed `mostBytes`. */
  async loadWithin(refs: Iterable<string>, mostBytes: number): Promise<((ref: string) => Json) | undefined> {
    const loaded = new Map<string, Json>();
    let bytes = 0;
    for (const ref of new Set(refs)) {
      const data = await this.get(ref);
      bytes += data.length;
      if (bytes > mostBytes) return undefined;
      loaded.set(ref, parse(ref, data));
    }
    return (ref) => loaded.get(ref)!;
  }
}

function parse(ref: string, data: Uint8Array): Json {
  try {
    return decodeExact(data) as Json;
  } catch (error) {
    throw new TerminalError(`blob ${ref} cannot be read as JSON: ${messageOf(error)}`, { cause: error });
  }
}
