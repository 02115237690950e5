const KEPT = 400;

/** What happened in one world, in order: a hash of all of it, and the last lines. */
export class Trace {
  readonly #now: () => number;
  readonly #lines: string[] = [];
  #events = 0;
  #hash = 0x811c9dc5;
  /** Called with every line, for whoever wants to see them all. */
  onLine: ((line: string) => void) | undefined;

  /** `now`: virtual milliseconds since the beginning. */
  constructor(now: () => number) {
    this.#now = now;
  }

  add(what: string): void {
    const line = `${(this.#now() / 1000).toFixed(3)} ${what}`;
    let hash = this.#hash;
    for (let i = 0; i < line.length; i++) hash = Math.imul(hash ^ line.charCodeAt(i), 0x01000193);
    this.#hash = hash;
    this.#lines[this.#events++ % KEPT] = line;
    this.onLine?.(line);
  }

  get events(): number {
    return this.#events;
  }

  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, "0");
  }

  last(count: number): string[] {
    const lines: string[] = [];
    for (let i = Math.max(0, this.#events - Math.min(count, KEPT)); i < this.#events; i++)
      lines.push(this.#lines[i % KEPT]!);
    return lines;
  }
}
