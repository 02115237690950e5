interface Node<T> {
  readonly children: Map<string, Node<T>>;
  /** Filters that end here. */
  readonly here: Set<T>;
  /** Filters that end here with `>`. */
  readonly below: Set<T>;
}

const createNode = <T>(): Node<T> => ({ children: new Map(), here: new Set(), below: new Set() });

/**
 * Values filed under filters and found by matching subjects, such as the subscriptions of a bus. A look-up costs one
 * step per token, independent of the number of filters. (Caching look-ups was tried: most subjects occur once, and the
 * cache cost more than it saved.)
 */
export class SubjectTree<T> {
  readonly #root = createNode<T>();
  #size = 0;

  add(filter: string, value: T): void {
    const { node, open } = this.#locate(filter);
    const filed = open ? node.below : node.here;
    if (filed.has(value)) return;
    filed.add(value);
    this.#size++;
  }

  remove(filter: string, value: T): void {
    const { node, open } = this.#locate(filter);
    if ((open ? node.below : node.here).delete(value)) this.#size--;
    prune(this.#root, filter.split("."), 0);
  }

  /** Every value whose filter matches, in a stable order. */
  match(subject: string): readonly T[] {
    if (this.#size === 0) return [];
    const found: T[] = [];
    collect(this.#root, subject, 0, found);
    return found;
  }

  /** The first value whose filter matches, or undefined. */
  first(subject: string): T | undefined {
    return this.#size === 0 ? undefined : findFirst(this.#root, subject, 0);
  }

  #locate(filter: string): { node: Node<T>; open: boolean } {
    let node = this.#root;
    for (const token of filter.split(".")) {
      if (token === ">") return { node, open: true };
      let child = node.children.get(token);
      if (!child) {
        child = createNode<T>();
        node.children.set(token, child);
      }
      node = child;
    }
    return { node, open: false };
  }
}

/** `from` is the index at which the next token begins; an index beyond the end means that there is none. */
function collect<T>(node: Node<T>, subject: string, from: number, found: T[]): void {
  if (from > subject.length) {
    for (const one of node.here) found.push(one);
    return;
  }
  for (const one of node.below) found.push(one);
  if (node.children.size === 0) return;
  const end = endOfToken(subject, from);
  const exact = node.children.get(subject.slice(from, end));
  if (exact) collect(exact, subject, end + 1, found);
  const any = node.children.get("*");
  if (any) collect(any, subject, end + 1, found);
}

/** As {@link collect}, but stops at the first value. */
function findFirst<T>(node: Node<T>, subject: string, from: number): T | undefined {
  for (const one of from > subject.length ? node.here : node.below) return one;
  if (from > subject.length || node.children.size === 0) return undefined;
  const end = endOfToken(subject, from);
  const exact = node.children.get(subject.slice(from, end));
  const found = exact && findFirst(exact, subject, end + 1);
  if (found !== undefined) return found;
  const any = node.children.get("*");
  return any && findFirst(any, subject, end + 1);
}

function endOfToken(subject: string, from: number): number {
  const dot = subject.indexOf(".", from);
  return dot < 0 ? subject.length : dot;
}

/** Removes nodes that hold no value. Filters may name a run, so such nodes would accumulate. */
function prune<T>(node: Node<T>, tokens: readonly string[], depth: number): void {
  const child = node.children.get(tokens[depth] ?? "");
  if (!child) return;
  prune(child, tokens, depth + 1);
  if (child.children.size + child.here.size + child.below.size === 0) node.children.delete(tokens[depth]!);
}
