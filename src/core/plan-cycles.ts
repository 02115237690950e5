/**
 * A directed graph of nodes 0 to `size - 1`, filled node by node, and the search for its cycles. Flat arrays and no
 * recursion: a plan of 100,000 tasks costs a few milliseconds, and a chain of them does not exhaust the stack.
 */
export class Graph {
  readonly #size: number;
  /** Targets of all edges; those of a node end where `#ends` says, and begin where the node before it ends. */
  readonly #edges: number[] = [];
  readonly #ends: Uint32Array;
  /** For every node, one more than the last node that was given an edge to it. */
  readonly #lastFrom: Uint32Array;

  constructor(size: number) {
    this.#size = size;
    this.#ends = new Uint32Array(size);
    this.#lastFrom = new Uint32Array(size);
  }

  /** Calls must not go back to a smaller `from`. Adding an edge again changes nothing. */
  addEdge(from: number, to: number): void {
    if (this.#lastFrom[to] === from + 1) return;
    this.#lastFrom[to] = from + 1;
    this.#edges.push(to);
    this.#ends[from] = this.#edges.length;
  }

  /** The targets of a node, in the order in which they were added. */
  targets(): (node: number) => readonly number[] {
    const first = this.#firstEdges();
    return (node) => (first[node] === first[node + 1] ? NONE : this.#edges.slice(first[node], first[node + 1]));
  }

  /**
   * Depth-first: every edge that leads back into the path being searched closes a cycle, which is told once, as
   * `path[0] → path[1] → … → path[0]`. `path` is computed on demand, as there may be as many cycles as edges.
   */
  eachCycle(found: (path: () => readonly number[]) => void): void {
    const [unseen, onPath, done] = [0, 1, 2];
    const state = new Uint8Array(this.#size);
    const next = this.#firstEdges();
    const ends = next.slice(1);
    const path: number[] = [];
    for (let start = 0; start < this.#size; start++) {
      if (state[start] !== unseen) continue;
      path.push(start);
      state[start] = onPath;
      while (path.length > 0) {
        const node = path[path.length - 1]!;
        if (next[node] === ends[node]) {
          state[node] = done;
          path.pop();
          continue;
        }
        const to = this.#edges[next[node]!++]!;
        if (state[to] === onPath) found(() => path.slice(path.lastIndexOf(to)));
        if (state[to] !== unseen) continue;
        path.push(to);
        state[to] = onPath;
      }
    }
  }

  /** Where the edges of every node begin, and, last, where all end. */
  #firstEdges(): Uint32Array {
    const first = new Uint32Array(this.#size + 1);
    for (let node = 0; node < this.#size; node++) first[node + 1] = Math.max(first[node]!, this.#ends[node]!);
    return first;
  }
}

const NONE: readonly number[] = [];

/** `a → b → a`. Of a long cycle the middle is left out, and counted. */
export function describeCycle(keys: readonly string[], most = 20): string {
  const half = Math.floor(most / 2);
  const left = keys.length - 2 * half;
  const shown = left > 0 ? [...keys.slice(0, half), `… ${left} more …`, ...keys.slice(-half)] : keys;
  return [...shown, keys[0]].join(" → ");
}
