import type { WorkerPresence } from "../../core/registration.ts";
import type { HeldType, Services } from "../../core/services.ts";
import type { Worker } from "../../define/worker.ts";
import type { Runtime } from "../host/runtime.ts";

interface SteeringRuntime extends Pick<Runtime, "clock" | "log"> {
  readonly services: Services;
}

/** A moment that is over already is looked at again after this long. */
const LEAST_WAIT_MS = 50;

/**
 * Holds back the types whose services cannot be called now: their tasks stay on the queue, where they use up neither
 * attempts nor deliveries, and others go on. While a service is tried again, a few of them go through.
 */
export class Steering {
  readonly #runtime: SteeringRuntime;
  readonly #uses: ReadonlyMap<string, readonly string[]>;
  readonly #onChange: () => void;
  readonly #held = new Map<string, HeldType & { readonly trials: number }>();
  #ignore: () => void = () => {};
  #disarm: () => void = () => {};

  /** @param onChange called when other types are held than before */
  constructor(runtime: SteeringRuntime, workers: Iterable<Worker>, onChange: () => void) {
    this.#runtime = runtime;
    this.#onChange = onChange;
    this.#uses = new Map([...workers].flatMap(({ type, uses }) => (uses.length > 0 ? [[type, uses]] : [])));
  }

  /** Resolves once it is known how the services stand. */
  async start(): Promise<void> {
    if (this.#uses.size === 0) return;
    const { services } = this.#runtime;
    await services.prepare([...new Set([...this.#uses.values()].flat())]);
    this.#ignore = services.onChange(() => this.#look());
    this.#look();
  }

  /** How many tasks of a type may run at once now: undefined where nothing holds them back. */
  allowed(type: string): number | undefined {
    return this.#held.get(type)?.trials;
  }

  /** For the worker's presence: the types that are held back, and how all services stand. */
  describe(): Pick<WorkerPresence, "held" | "services"> {
    const held = Array.from(this.#held.values(), ({ type, reason, until }) => ({ type, reason, until }));
    const services = this.#runtime.services.figures();
    return { ...(held.length > 0 && { held }), ...(services.length > 0 && { services: [...services] }) };
  }

  stop(): void {
    this.#ignore();
    this.#disarm();
  }

  #look(): void {
    this.#disarm();
    const { services, clock, log } = this.#runtime;
    const before = new Map(this.#held);
    this.#held.clear();
    for (const [type, uses] of this.#uses) {
      const hindrance = services.hindranceOf(uses);
      if (hindrance) this.#held.set(type, { type, ...hindrance });
      if (hindrance && hindrance.trials === 0 && before.get(type)?.trials !== 0)
        log("warn", `tasks of ${type} are held back: ${hindrance.reason}`);
      if (!hindrance && before.has(type)) log("info", `tasks of ${type} are taken again`);
    }
    const now = clock.now();
    const next = Math.min(...Array.from(this.#held.values(), ({ until }) => until).filter((until) => until > now));
    if (Number.isFinite(next)) this.#disarm = clock.timer(Math.max(LEAST_WAIT_MS, next - now), () => this.#look());
    this.#onChange();
  }
}
