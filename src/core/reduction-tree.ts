/**
 * How a map's outputs are reduced by tasks that each take at most `width` of them: leaves are the items, 0 to `items - 1`,
 * and the reducing tasks are numbered on from there, level by level, the last one being the root. There is always a root,
 * also of one item or none.
 */
export class ReductionTree {
  /** Items and reducing tasks together. */
  readonly size: number;
  readonly root: number;
  readonly #width: number;
  /** Where each level begins; the items are the first. Last: where all end. */
  readonly #begins: readonly number[];

  constructor(items: number, width: number) {
    const begins = [0, items];
    for (let count = items; begins.length === 2 || count > 1; ) {
      count = Math.max(1, Math.ceil(count / width));
      begins.push(begins.at(-1)! + count);
    }
    this.#width = width;
    this.#begins = begins;
    this.size = begins.at(-1)!;
    this.root = this.size - 1;
  }

  /** The task that reduces this output; undefined for the root. */
  consumerOf(index: number): number | undefined {
    if (index >= this.root) return undefined;
    const level = this.#levelOf(index);
    return this.#begins[level + 1]! + Math.floor((index - this.#begins[level]!) / this.#width);
  }

  /** What a reducing task takes: the outputs from `from` up to, and without, `to`. */
  inputsOf(task: number): { readonly from: number; readonly to: number } {
    const level = this.#levelOf(task);
    const [begin, end] = [this.#begins[level - 1]!, this.#begins[level]!];
    const from = begin + (task - end) * this.#width;
    return { from, to: Math.min(from + this.#width, end) };
  }

  /** The levels are few. */
  #levelOf(index: number): number {
    let level = 0;
    while (index >= this.#begins[level + 1]!) level++;
    return level;
  }
}
