interface Node<T> {
  readonly children: Map<string, Node<T>>;
  /** Filters that end here. */
  readonly here: Set<T>;
  /** Filters that end here with `>`. */
  readonly below: Set<T>;
}

const createNode = <T>(): Node<T> => ({ children: new Map(), here: new Set(), below: new Set() });

/**
 * Values filed under filters, found by the subjects that match: the subscriptions of a bus. A look-up costs one step a token, however many filters
 * there are. (Remembering answers was tried: most subjects are used once, and it cost more than it saved.)
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

/** `from`: where the next token begins; beyond the end there is none. Looks no further than the filters go. */
function collect<T>(node: Node<T>, subject: string, from: number, found: T[]): void {
  if (from > subject.length) {
    if (node.here.size > 0) found.push(...node.here);
    return;
  }
  if (node.below.size > 0) found.push(...node.below);
  if (node.children.size === 0) return;
  const dot = subject.indexOf(".", from);
  const end = dot < 0 ? subject.length : dot;
  const exact = node.children.get(subject.slice(from, end));
  if (exact) collect(exact, subject, end + 1, found);
  const any = node.children.get("*");
  if (any) collect(any, subject, end + 1, found);
}

/** Filters may name a run, so what nothing is filed under must go. */
function prune<T>(node: Node<T>, tokens: readonly string[], depth: number): void {
  const child = node.children.get(tokens[depth] ?? "");
  if (!child) return;
  prune(child, tokens, depth + 1);
  if (child.children.size + child.here.size + child.below.size === 0) node.children.delete(tokens[depth]!);
}
