import { mostBytes } from "../../bus/sizes.ts";
import { isoTime } from "../../core/iso-time.ts";
import { encodeText, type Json } from "../../core/json.ts";
import type { LiveKind } from "../../core/live.ts";
import type { Runtime } from "../host/runtime.ts";

type LiveHost = Pick<Runtime, "bus" | "topology" | "clock" | "id">;

/** The attempt that a report is about. */
interface Told {
  readonly tenant: string;
  readonly run: string;
  readonly task: string;
  readonly attempt: number;
}

interface Batch {
  readonly tenant: string;
  readonly run: string;
  readonly kind: LiveKind;
  /** JSON texts. */
  readonly items: string[];
  bytes: number;
}

/** Larger data of a single item is not live news. */
const MOST_CHARACTERS = 64 * 1024;
/** Around the items of a message, bytes. */
const FRAME = 256;

/** Delay of the report that an attempt has begun: attempts begin by the thousand, and many are over as soon. */
const STARTED_MS = 20;
/** When more than these have begun, the report leaves out those that are over by then. */
const FEW = 20;

/** An attempt in execution. */
interface Begun {
  readonly tenant: string;
  readonly message: { readonly run: string; readonly task: string; readonly attempt: number };
  readonly isOver: boolean;
}

/**
 * Publishes live messages: one for each run and kind with all that was reported in one turn, or in 20 ms where it is only
 * that attempts have begun. A lost message is not repeated.
 */
export class LiveReporter {
  readonly #runtime: LiveHost;
  readonly #batches = new Map<string, Batch>();
  #begun: { readonly attempt: Begun; readonly at: number }[] = [];
  #scheduled = false;
  #disarm: (() => void) | undefined;

  constructor(runtime: LiveHost) {
    this.#runtime = runtime;
  }

  /** Reports that an attempt has begun, 20 ms later at most. */
  began(attempt: Begun, at: number): void {
    this.#begun.push({ attempt, at });
    this.#disarm ??= this.#runtime.clock.timer(STARTED_MS, () => this.flush());
  }

  /** Never throws: what cannot be reported is left out. */
  tell(kind: Exclude<LiveKind, "started">, at: Told, data: Json): void {
    this.#addBegun();
    this.#add(kind, at, this.#runtime.clock.now(), data);
    this.#schedule();
  }

  #addBegun(): void {
    const begun = this.#begun;
    if (begun.length === 0) return;
    this.#begun = [];
    for (const { attempt, at } of begun) {
      if (begun.length > FEW && attempt.isOver) continue;
      const { run, task, attempt: number } = attempt.message;
      this.#add("started", { tenant: attempt.tenant, run, task, attempt: number }, at);
    }
  }

  #add(kind: LiveKind, at: Told, time: number, data?: Json): void {
    const item = encodeItem(at, isoTime(time), data);
    if (item === undefined) return;
    const key = `${kind}/${at.tenant}/${at.run}`;
    let batch = this.#batches.get(key);
    const bytes = Buffer.byteLength(item) + 1;
    if (batch && batch.bytes + bytes > mostBytes(this.#runtime.bus) - FRAME) {
      this.#send(batch);
      batch = undefined;
    }
    batch ??= { tenant: at.tenant, run: at.run, kind, items: [], bytes: 0 };
    this.#batches.set(key, batch);
    batch.items.push(item);
    batch.bytes += bytes;
  }

  /** Sends what waits for its moment, and leaves no timer behind. */
  flush(): void {
    this.#scheduled = false;
    this.#disarm?.();
    this.#disarm = undefined;
    this.#addBegun();
    // In the order in which the first item of each batch was reported.
    const batches = [...this.#batches.values()];
    this.#batches.clear();
    for (const one of batches) this.#send(one);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#runtime.clock.endOfTurn(() => this.flush());
  }

  #send({ tenant, run, kind, items }: Batch): void {
    const { bus, topology, id } = this.#runtime;
    const text = `{"v":1,"worker":${JSON.stringify(id)},"items":[${items.join(",")}]}`;
    try {
      bus.publish(topology.subjects.live(tenant, run, kind), encodeText(text));
    } catch {
      // A live message that is lost does no harm: the log has everything that counts.
    }
  }
}

function encodeItem(
  { task, attempt }: { task: string; attempt: number },
  at: string,
  data: unknown,
): string | undefined {
  try {
    // A task's path has nothing to escape.
    const head = `{"task":"${task}","attempt":${attempt},"at":"${at}"`;
    if (data === undefined) return `${head}}`;
    const text = JSON.stringify(data);
    return text !== undefined && text.length <= MOST_CHARACTERS ? `${head},"data":${text}}` : undefined;
  } catch {
    // A handler may report any value: a bigint, a cycle.
    return undefined;
  }
}
