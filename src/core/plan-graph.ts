import { ALL, type Join } from "./join.ts";
import { Graph } from "./plan-cycles.ts";
import type { Manner } from "./plan-mentions.ts";

/** What the tasks of one plan of version 2 say of each other, while it is read task by task. Tasks are named by their places in `keys`. */
export class PlanGraph {
  readonly keys: readonly string[];
  readonly edges: Graph;
  usesInput = false;
  /** What `output` names, and whether its failure is the plan's. */
  readonly outputs = new Map<number, boolean>();
  readonly #nodes = new Map<string, number>();
  readonly #joins = new Map<number, Join>();
  /** Edges of which a task bears that the need is skipped. */
  readonly #borne = new Set<number>();
  readonly #kept = new Set<number>();
  readonly #asksItems = new Set<number>();
  /** The task that is being read, and its needs: whether every mention of one so far bears a skip. */
  #task = 0;
  readonly #needs = new Map<number, boolean>();

  constructor(keys: readonly string[]) {
    this.keys = keys;
    this.edges = new Graph(keys.length);
    for (const key of keys) this.#nodes.set(key, this.#nodes.size);
  }

  /** Tasks are read in order. */
  beginTask(task: number): void {
    this.#task = task;
    this.#needs.clear();
  }

  endTask(join: Join): void {
    if (join !== ALL) this.#joins.set(this.#task, join);
    for (const [need, isBorne] of this.#needs) if (isBorne) this.#borne.add(this.#edge(this.#task, need));
  }

  /** The task that is being read waits for this one. False: there is none of that key, or it is the task itself. */
  readonly need = (key: string, manner: Manner): boolean => {
    const need = this.#nodes.get(key);
    if (need === undefined || need === this.#task) return false;
    this.edges.addEdge(this.#task, need);
    this.#needs.set(need, manner !== "output" && this.#needs.get(need) !== false);
    return true;
  };

  /** Something that comes later refers to this task: no edge, but its output is kept. */
  readonly keep = (key: string): boolean => {
    const task = this.#nodes.get(key);
    if (task !== undefined) this.#kept.add(task);
    return task !== undefined;
  };

  /** What the expression of a repetition names: the task itself, once more, or one that it waits for. */
  readonly needOrSelf = (key: string, manner: Manner): boolean =>
    this.#nodes.get(key) === this.#task ? this.keep(key) : this.need(key, manner);

  /** The output of the plan names this task, whose failure is then the plan's, but for one that is named by its outcome. */
  nameOutput(task: number, manner: Manner): void {
    this.outputs.set(task, manner !== "outcome" || this.outputs.get(task) === true);
  }

  /** The condition of the task that is being read is about the items of its map. */
  readonly markAskingItems = (): void => {
    this.#asksItems.add(this.#task);
  };

  readonly useInput = (): void => {
    this.usesInput = true;
  };

  readonly placeOf = (key: string): number | undefined => this.#nodes.get(key);
  readonly joinOf = (task: number): Join => this.#joins.get(task) ?? ALL;
  readonly bears = (task: number, need: number): boolean => this.#borne.has(this.#edge(task, need));
  readonly isKept = (task: number): boolean => this.#kept.has(task);
  readonly asksItems = (task: number): boolean => this.#asksItems.has(task);

  #edge(task: number, need: number): number {
    return task * this.keys.length + need;
  }
}
