import type { Delivery, Puller } from "../../bus/port.ts";
import { PRIORITIES, type Priority } from "../../core/names.ts";
import { insist } from "../host/insist.ts";
import type { Runtime } from "../host/runtime.ts";
import { SlotPool } from "./slot-pool.ts";

type DemandRuntime = Pick<Runtime, "bus" | "topology" | "clock" | "queues" | "trouble">;

/** The slots of one type, over its priorities. */
interface Slots {
  readonly pool: SlotPool;
  /** How many may run at once, where the type has a limit of its own. */
  readonly limit: number;
  /** How many may run at once while the type is held back; undefined: it is not. */
  readonly allowed: () => number | undefined;
  running: number;
  /** Delivered and not settled. */
  inHand: number;
}

interface Source {
  readonly puller: Puller;
  readonly slots: Slots;
  /** Until when (monotonic, ms) it counts as having work, and shares in the free slots. */
  hotUntil: number;
  /** What it was asked for in all, when it was last asked. */
  asked: number;
}

/** A queue that delivered something has work, presumably, for this long. */
const HOT_MS = 200;

/** Attempts that a process executes at once where its options state nothing. */
export const DEFAULT_CONCURRENCY = 16;

/**
 * Takes messages from the queues of a worker's types, by demand: free slots plus what is finished in 50 ms. A queue
 * that has work gets the demand; one that is empty keeps a demand of one, so that work there is noticed at once.
 * What was delivered and waits for a slot goes by priority.
 *
 * A limit that the process states is shared by all its types. Where it states none, a type with a limit of its own is
 * bound by that alone, and the others share the default.
 */
export class Demand {
  readonly #runtime: DemandRuntime;
  /** The slots of each type. */
  readonly #slots: ReadonlyMap<string, Slots>;
  readonly #pools: readonly SlotPool[];
  /** Attempts that are executed at once when all pools are full. */
  readonly concurrency: number;
  readonly #run: (delivery: Delivery, done: () => void) => void;
  readonly #isToBeAlone: (delivery: Delivery) => boolean;
  /** The delivery that is being executed alone, or will be next: nothing else begins before it has ended. */
  #soloist: Delivery | undefined;
  readonly #onLoad: () => void;
  readonly #sources: Source[] = [];
  /** Consumers that are open, or being opened. */
  readonly #opened = new Set<string>();
  readonly #waiting: Delivery[][] = PRIORITIES.map(() => []);
  /** Delivered and not settled, waiting or running: kept alive by heartbeats. */
  readonly inHand = new Map<Delivery, Source>();
  running = 0;
  readonly #beatMs: number;
  #beatAt = Number.POSITIVE_INFINITY;
  #scheduled = false;
  #isOpen = false;
  #closed = false;
  readonly #closing = new AbortController();
  #ignoreQueues: () => void = () => {};
  #disarmHeartbeat: () => void = () => {};

  constructor(
    runtime: DemandRuntime,
    options: {
      types: readonly string[];
      /** The limit of the process, where it states one. */
      concurrency: number | undefined;
      /** Executes one delivery and calls `done` once it is settled, which may be at once. Never throws. */
      run: (delivery: Delivery, done: () => void) => void;
      /** Whether nothing else may be in execution meanwhile. */
      isToBeAlone: (delivery: Delivery) => boolean;
      /** Called whenever another number of deliveries is in execution. */
      onLoad: () => void;
      /** How many of a type may run at once, where it has a limit of its own. */
      limitOf: (type: string) => number | undefined;
      /** How many of a type may run at once while it is held back, undefined where it is not. */
      allowedOf: (type: string) => number | undefined;
    },
  ) {
    this.#runtime = runtime;
    const { clock } = runtime;
    const shared = new SlotPool(clock, options.concurrency ?? DEFAULT_CONCURRENCY);
    const slotsOf = (type: string): Slots => {
      const limit = options.limitOf(type);
      const isAlone = limit !== undefined && options.concurrency === undefined;
      const pool = isAlone ? new SlotPool(clock, limit) : shared;
      return {
        pool,
        limit: limit ?? Number.POSITIVE_INFINITY,
        allowed: () => options.allowedOf(type),
        running: 0,
        inHand: 0,
      };
    };
    this.#slots = new Map(options.types.map((type) => [type, slotsOf(type)]));
    this.#pools = [...new Set(Iterator.from(this.#slots.values()).map(({ pool }) => pool))];
    this.concurrency = this.#pools.reduce((sum, { limit }) => sum + limit, 0);
    this.#run = options.run;
    this.#isToBeAlone = options.isToBeAlone;
    this.#onLoad = options.onLoad;
    this.#beatMs = runtime.topology.taskConsumer("any", "normal").ackWaitMs / 3;
  }

  async open(): Promise<void> {
    const { clock, queues, topology } = this.#runtime;
    const beat = () => {
      this.#beatAt = clock.monotonic();
      for (const delivery of this.inHand.keys()) delivery.inProgress();
      this.#disarmHeartbeat = clock.timer(this.#beatMs, beat);
    };
    beat();
    const present = [...this.#slots.keys()].flatMap((type) =>
      PRIORITIES.filter((priority) => queues.has(type, priority)).map((priority) => this.#open(type, priority)),
    );
    this.#ignoreQueues = queues.onAdded((type, priority) => {
      if (this.#slots.has(type) && !this.#opened.has(topology.taskConsumer(type, priority).name))
        void this.#openPatiently(type, priority);
    });
    await Promise.all(present);
    this.#isOpen = true;
    this.#demand();
  }

  async #open(type: string, priority: Priority): Promise<void> {
    const { bus, topology } = this.#runtime;
    const consumer = topology.taskConsumer(type, priority);
    this.#opened.add(consumer.name);
    await bus.ensureConsumer(consumer);
    const rank = PRIORITIES.indexOf(priority);
    const take = (delivery: Delivery) => this.#take(source, rank, delivery);
    const puller = await bus.pull(consumer.stream, consumer.name, take);
    if (this.#closed) return puller.stop();
    const slots = this.#slots.get(type)!;
    const source: Source = { puller, slots, hotUntil: 0, asked: 0 };
    this.#sources.push(source);
    // A busy worker then has one delivered when a slot is free.
    if (this.#isOpen && slots.inHand < limitOf(slots)) ask(source, 1);
  }

  /** Never rejects: that queue is not reported once more. */
  async #openPatiently(type: string, priority: Priority): Promise<void> {
    const { name } = this.#runtime.topology.taskConsumer(type, priority);
    await insist(this.#runtime, () => this.#open(type, priority), {
      work: { one: "queue is not open yet", many: "queues are not open yet" },
      name: () => name,
      passes: () => true,
      signal: this.#closing.signal,
    });
  }

  /** Whether the heartbeats have paused so long that deliveries here may have gone to other workers as well. */
  get isLate(): boolean {
    return this.#runtime.clock.monotonic() - this.#beatAt > 2 * this.#beatMs;
  }

  /** Takes nothing more, and hands back what no slot has begun. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#ignoreQueues();
    this.#closing.abort();
    for (const waiting of this.#waiting) {
      for (const delivery of waiting.splice(0)) {
        this.inHand.delete(delivery);
        delivery.nak();
      }
    }
    await Promise.all(this.#sources.map(({ puller }) => puller.stop()));
  }

  /** Takes from the queues by what is held back now. */
  refresh(): void {
    if (this.#isOpen) this.#schedule();
  }

  /** Ends the heartbeats: deliveries that are not settled go to other workers after the ack wait. */
  stop(): void {
    this.#disarmHeartbeat();
    for (const pool of this.#pools) pool.stop();
  }

  #take(source: Source, rank: number, delivery: Delivery): void {
    if (this.#closed) return delivery.nak();
    source.hotUntil = this.#runtime.clock.monotonic() + HOT_MS;
    this.inHand.set(delivery, source);
    source.slots.inHand++;
    source.slots.pool.inHand++;
    this.#waiting[rank]!.push(delivery);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#begin();
      this.#demand();
    });
  }

  #begin(): void {
    for (const waiting of this.#waiting) {
      let kept = 0;
      let i = 0;
      for (; i < waiting.length && this.running < this.concurrency; i++) {
        const delivery = waiting[i]!;
        const { slots } = this.inHand.get(delivery)!;
        if (slots.running < limitOf(slots) && !slots.pool.isFull && this.#hasTurn(delivery))
          this.#start(delivery, slots);
        else waiting[kept++] = delivery;
      }
      if (i > kept) waiting.splice(kept, i - kept);
    }
  }

  #hasTurn(delivery: Delivery): boolean {
    if (!this.#soloist && !this.#isToBeAlone(delivery)) return true;
    this.#soloist ??= delivery;
    return this.#soloist === delivery && this.running === 0;
  }

  #start(delivery: Delivery, slots: Slots): void {
    this.running++;
    slots.running++;
    slots.pool.running++;
    this.#onLoad();
    this.#run(delivery, () => {
      this.running--;
      if (this.#soloist === delivery) this.#soloist = undefined;
      slots.running--;
      slots.inHand--;
      slots.pool.running--;
      slots.pool.inHand--;
      this.inHand.delete(delivery);
      this.#onLoad();
      slots.pool.countFinished();
      this.#schedule();
    });
  }

  #demand(): void {
    if (this.#closed) return;
    const now = this.#runtime.clock.monotonic();
    for (const pool of this.#pools) this.#demandFor(pool, now);
  }

  /** Deliveries that wait because their type is held back: others may have their slots. */
  #heldIn(pool: SlotPool): number {
    let held = 0;
    for (const slots of this.#slots.values())
      if (slots.pool === pool && slots.allowed() !== undefined) held += slots.inHand - slots.running;
    return held;
  }

  #demandFor(pool: SlotPool, now: number): void {
    const sources = this.#pools.length === 1 ? this.#sources : this.#sources.filter(({ slots }) => slots.pool === pool);
    const room = pool.room(now) + this.#heldIn(pool);
    if (room <= 0) return;
    const flowing = sources.filter((source) => isFlowing(source, now));
    // What queues without work were asked for stays asked for, but does not hold the others back.
    const asked = flowing.reduce((sum, { puller }) => sum + puller.outstanding, 0);
    const share = Math.floor((room - asked) / flowing.length);
    for (const source of sources) {
      const { puller, slots } = source;
      // What waits here for its type's limit would be missed by other processes.
      const left = limitOf(slots) - slots.inHand;
      const wanted = isFlowing(source, now) ? Math.min(share, left - puller.outstanding) : 0;
      if (wanted > 0) ask(source, wanted);
      else if (puller.outstanding === 0 && left > 0) ask(source, 1);
    }
  }
}

const limitOf = ({ limit, allowed }: Slots): number => Math.min(limit, allowed() ?? Number.POSITIVE_INFINITY);

/** It had work lately, and has answered most of what it was asked: a queue that is empty leaves its demand standing. */
const isFlowing = ({ hotUntil, puller, asked }: Source, now: number): boolean =>
  hotUntil > now && puller.outstanding <= asked / 2;

function ask(source: Source, count: number): void {
  source.puller.demand(count);
  source.asked = source.puller.outstanding;
}
