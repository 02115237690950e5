import { isoTime } from "../core/iso-time.ts";
import { encodeJson, type Json } from "../core/json.ts";
import type { LiveKind } from "../core/live.ts";
import type { Host } from "./host.ts";

interface Item {
  readonly task: string;
  readonly attempt: number;
  readonly at: string;
  readonly data?: Json;
}

interface Batch {
  readonly tenant: string;
  readonly run: string;
  readonly kind: LiveKind;
  readonly items: Item[];
}

/** Items of one message, so that it stays well below the bus's limit. */
const MOST_ITEMS = 200;
/** Larger data of a single item is not live news. */
const MOST_BYTES = 64 * 1024;

/** Tells what happens as it happens, one message a run and kind for all of one turn. What is lost is lost. */
export class LiveReporter {
  readonly #host: Host;
  readonly #batches = new Map<string, Batch>();
  #scheduled = false;

  constructor(host: Host) {
    this.#host = host;
  }

  tell(kind: LiveKind, at: { tenant: string; run: string; task: string; attempt: number }, data?: Json): void {
    if (data !== undefined && (JSON.stringify(data)?.length ?? 0) > MOST_BYTES) return;
    const key = `${at.tenant}/${at.run}/${kind}`;
    let batch = this.#batches.get(key);
    if (batch && batch.items.length >= MOST_ITEMS) {
      this.#send(batch);
      batch = undefined;
    }
    batch ??= { tenant: at.tenant, run: at.run, kind, items: [] };
    this.#batches.set(key, batch);
    const now = isoTime(this.#host.clock.now());
    batch.items.push({ task: at.task, attempt: at.attempt, at: now, ...(data !== undefined && { data }) });
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#host.clock.endOfTurn(() => {
      this.#scheduled = false;
      const batches = [...this.#batches.values()];
      this.#batches.clear();
      for (const one of batches) this.#send(one);
    });
  }

  #send({ tenant, run, kind, items }: Batch): void {
    const { bus, topology, id } = this.#host;
    try {
      bus.publish(topology.subjects.live(tenant, run, kind), encodeJson({ v: 1, worker: id, items }));
    } catch {
      // Live news are worth no trouble: the log tells everything that counts.
    }
  }
}
