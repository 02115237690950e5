/** Decisions from one seeded source, so that a seed decides everything. */
export class Chance {
  readonly #random: () => number;

  /** `random`: uniform in [0, 1). */
  constructor(random: () => number) {
    this.#random = random;
  }

  happens(probability: number): boolean {
    return this.#random() < probability;
  }

  /** A whole number from `least` to `most`, both included. */
  int(least: number, most: number): number {
    return least + Math.floor(this.#random() * (most - least + 1));
  }

  /** Many small ones, few large ones, none over `most`. */
  exponential(mean: number, most: number): number {
    return Math.min(most, Math.round(-Math.log(1 - this.#random()) * mean));
  }

  pick<T>(items: readonly T[]): T {
    return items[this.int(0, items.length - 1)]!;
  }

  /** Each of the items with the given probability. */
  some<T>(items: readonly T[], probability: number): T[] {
    return items.filter(() => this.happens(probability));
  }
}
