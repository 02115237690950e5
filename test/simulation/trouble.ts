import type { VirtualClock } from "../../src/core/virtual-clock.ts";
import type { Chance } from "./chance.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import type { Sky, Weather } from "./weather.ts";

/** Befalls processes: now and then, or in the middle of what they do. */
export class Trouble {
  readonly #clock: VirtualClock;
  readonly #chance: Chance;
  readonly #weather: Weather;
  readonly #sky: Sky;
  readonly #timing: { readonly ackWaitMs: number; readonly presenceTtlMs: number };
  readonly #victims: readonly SimulatedProcess[];
  readonly #auditor: { readonly isFragile: boolean };
  #disarm = () => {};

  constructor(
    world: {
      clock: VirtualClock;
      chance: Chance;
      weather: Weather;
      sky: Sky;
      auditor: { readonly isFragile: boolean };
    },
    timing: { ackWaitMs: number; presenceTtlMs: number },
    victims: readonly SimulatedProcess[],
  ) {
    this.#clock = world.clock;
    this.#chance = world.chance;
    this.#weather = world.weather;
    this.#sky = world.sky;
    this.#auditor = world.auditor;
    this.#timing = timing;
    this.#victims = victims;
  }

  start(): void {
    if (this.#weather.befalls.length === 0) return;
    this.#disarm = this.#clock.timer(this.#chance.exponential(this.#weather.everyMs, 20_000), () => {
      this.#befall(this.#chance.pick(this.#victims), this.#chance.pick(this.#weather.befalls));
      this.start();
    });
  }

  /** All is well from now on: who is dead is started again. Who is stopped goes on in time. */
  end(): void {
    this.#disarm();
    this.#sky.clear = true;
    for (const victim of this.#victims) void this.#keepUp(victim);
  }

  /** In good weather: orchestrators come and go, so that what one has carried is another's to read. Returns what ends it. */
  turnOver(): () => void {
    const orchestrators = this.#victims.filter(({ kind }) => kind === "orchestrator");
    let disarm = () => {};
    const next = () => {
      disarm = this.#clock.timer(this.#chance.int(8000, 25_000), () => {
        this.#befall(this.#chance.pick(orchestrators), this.#chance.pick(["crash", "pause", "restart"]));
        next();
      });
    };
    next();
    return () => disarm();
  }

  /** At every operation that a process is about to send. */
  atOperation(process: SimulatedProcess): void {
    if (this.#sky.clear || this.#weather.stalls === 0 || !process.isUp) return;
    if (this.#chance.happens(this.#weather.stalls)) this.#befall(process, this.#chance.pick(["crash", "pause"]));
  }

  kill(process: SimulatedProcess): void {
    process.crash();
    this.#startLater(process, 8000);
  }

  #befall(process: SimulatedProcess, what: "crash" | "pause" | "restart"): void {
    if (!process.life || !process.isRunning) return;
    // What is delivered too often, or loses too many workers, is poison, by design; that is no fault of ours to find.
    if (process.kind === "worker" && (this.#sky.isFragile || this.#auditor.isFragile)) return;
    if (what === "crash") {
      this.kill(process);
    } else if (what === "pause") {
      const { ackWaitMs, presenceTtlMs } = this.#timing;
      const most = process.kind === "worker" ? 1.5 * ackWaitMs : 3 * presenceTtlMs;
      process.pause(this.#chance.int(100, most), this.#chance.happens(0.5));
    } else if (process.isUp) {
      void process.stop().then(() => this.#startLater(process, 3000));
    }
  }

  #startLater(process: SimulatedProcess, withinMs: number): void {
    this.#clock.timer(this.#chance.int(0, withinMs), () => void this.#keepUp(process));
  }

  /** Starts it until it is up: starting may fail, too. */
  async #keepUp(process: SimulatedProcess): Promise<void> {
    await process.start();
    if (!process.life) this.#startLater(process, 3000);
  }
}
