import type { Faults } from "../../src/bus/memory/faults.ts";
import type { Chance } from "./chance.ts";

export const FAULTS = [
  "delay",
  "drop",
  "append",
  "duplicate",
  "crash",
  "pause",
  "restart",
  "stall",
  "skew",
  "full",
] as const;
export type Fault = (typeof FAULTS)[number];

/** How bad one world is: probabilities of what may go wrong, and how often something befalls a process. */
export interface Weather {
  readonly delays: number;
  readonly drops: number;
  readonly lostAcknowledgements: number;
  readonly lostMessages: number;
  readonly duplicates: number;
  /** Of a stream having no room for some seconds, at each message to it. */
  readonly fills: number;
  /** Of a process being stopped or killed in the middle of what it does, at each of its bus operations. */
  readonly stalls: number;
  readonly befalls: readonly ("crash" | "pause" | "restart")[];
  readonly everyMs: number;
  readonly skewMs: number;
}

/** Half of the faults that are allowed, each now mild, now heavy; on some days next to nothing. */
export function randomWeather(chance: Chance, allowed: readonly Fault[]): Weather {
  const most = chance.happens(0.15) ? allowed.filter((fault) => fault === "delay" || fault === "skew") : allowed;
  const today = new Set(allowed.length <= 3 ? allowed : chance.some(most, 0.5));
  const often = (fault: Fault, ...probabilities: readonly number[]) =>
    today.has(fault) ? chance.pick(probabilities) : 0;
  return {
    delays: often("delay", 0.02, 0.1, 0.4),
    drops: often("drop", 0.02, 0.1, 0.3),
    lostAcknowledgements: often("append", 0.02, 0.1),
    lostMessages: often("append", 0.02, 0.1),
    duplicates: often("duplicate", 0.02, 0.2),
    fills: often("full", 0.003, 0.02, 0.1),
    stalls: often("stall", 0.0005, 0.003, 0.01),
    befalls: (["crash", "pause", "restart"] as const).filter((one) => today.has(one)),
    everyMs: chance.pick([700, 2000, 6000]),
    skewMs: often("skew", 50, 2000),
  };
}

/** Whether nobody is hindered from doing at once what is to be done. */
export const isMild = (weather: Weather): boolean => {
  const { befalls, stalls, drops, lostAcknowledgements, lostMessages, duplicates, fills } = weather;
  return befalls.length === 0 && stalls + drops + lostAcknowledgements + lostMessages + duplicates + fills === 0;
};

/** Whether nothing is late either. */
export const isCalm = (weather: Weather): boolean => isMild(weather) && weather.delays === 0;

/** A message is late by so much at most. */
const LATEST_MS = 1000;
/** A stream has no room for so long, on the average and at most. */
const FULL_MS = 800;
const LONGEST_FULL_MS = 6000;

/** The weather as the memory bus meets it, until it clears up. */
export class Sky {
  readonly #weather: Weather;
  readonly #chance: Chance;
  /** Until when a stream, by the second token of its subjects, has no room. */
  readonly #fullUntil = new Map<string, number>();
  /** How often the messages that are on a queue have been delivered. */
  readonly deliveries = new Map<string, number>();
  clear = false;
  /** In clear weather: what is sent may still be late, and its acknowledgement lost. */
  hazy = false;
  readonly faults: Faults;

  /** `now` is the world's time, ms. */
  constructor(weather: Weather, chance: Chance, now: () => number) {
    this.#weather = weather;
    this.#chance = chance;
    const happens = (probability: number) => !this.clear && probability > 0 && this.#chance.happens(probability);
    const inHaze = (probability: number) => this.hazy && this.#chance.happens(probability);
    this.faults = {
      append: (subject) => {
        const stream = subject.split(".")[1]!;
        if (happens(this.#weather.fills))
          this.#fullUntil.set(stream, now() + this.#chance.exponential(FULL_MS, LONGEST_FULL_MS));
        if (!this.clear && (this.#fullUntil.get(stream) ?? 0) > now()) return "full";
        if (happens(this.#weather.lostAcknowledgements) || inHaze(0.02)) return "lose-acknowledgement";
        return happens(this.#weather.lostMessages) ? "lose-message" : undefined;
      },
      drop: () => happens(this.#weather.drops),
      duplicate: (subject) => {
        const before = this.deliveries.get(subject) ?? 0;
        this.deliveries.set(subject, before + 1);
        return before === 0 && happens(this.#weather.duplicates);
      },
      // The first connection is the auditor's.
      delayMs: ({ connection }) =>
        connection > 1 && (happens(this.#weather.delays) || inHaze(0.4)) ? this.#chance.exponential(100, LATEST_MS) : 0,
    };
  }

  /** How late what a process sends next leaves it. Within what an owner spares of its lease. */
  uplinkDelayMs(): number {
    const isLate = !this.clear && this.#weather.delays > 0 && this.#chance.happens(this.#weather.delays / 4);
    return isLate ? this.#chance.exponential(200, 500) : 0;
  }

  /** Whether something has been delivered so often that one more trouble could make it look like poison. */
  get isFragile(): boolean {
    for (const count of this.deliveries.values()) if (count > 2) return true;
    return false;
  }
}
