import type { WatchEvent } from "../app.ts";
import type { Json } from "../core/json.ts";
import { parentOf, ROOT } from "../core/names.ts";
import type { RunSummary, RunView, TaskView, TaskViewState } from "../core/run-view.ts";
import { oneLine } from "./style.ts";

/** A task with its children. `size` is the number of tasks in its subtree, including itself. */
export interface TaskNode {
  view: TaskView;
  readonly parent: TaskNode | undefined;
  readonly children: TaskNode[];
  size: number;
  /** The number of children that have ended. */
  ended: number;
  /** The last progress that its handler reported: a fraction, or a text. */
  progress?: number | string;
}

const ENDED: ReadonlySet<TaskViewState> = new Set([
  ...["succeeded", "failed", "cancelled", "skipped", "abandoned", "compensated", "uncompensated"],
] as TaskViewState[]);
export const hasEnded = (view: TaskView): boolean => ENDED.has(view.state);

/** The tree of a run for display, built from a view or from the events of `watch`. Tasks may come in any order. */
export class RunTree {
  run: RunSummary | undefined;
  readonly #nodes = new Map<string, TaskNode>();
  #root: TaskNode | undefined;
  #ended = 0;
  readonly #inState = new Map<TaskViewState, number>();

  static of(view: RunView): RunTree {
    const tree = new RunTree();
    tree.run = view;
    for (const task of view.tasks) tree.#place(task);
    return tree;
  }

  get root(): TaskNode | undefined {
    return this.#root;
  }

  /** The numbers of known tasks, of those that have ended, and of those in a state. */
  get counts(): { readonly tasks: number; readonly ended: number; in(state: TaskViewState): number } {
    return { tasks: this.#nodes.size, ended: this.#ended, in: (state) => this.#inState.get(state) ?? 0 };
  }

  /** All tasks, in the order in which they became known. */
  all(): TaskNode[] {
    return [...this.#nodes.values()];
  }

  find(task: string): TaskNode | undefined {
    return this.#nodes.get(task);
  }

  /** Takes an event. Returns the task as it was before, if the event is about a known task. */
  apply(event: WatchEvent): TaskView | undefined {
    if (event.kind === "run") {
      this.run = event.run;
      return undefined;
    }
    if (event.kind === "task") return this.#place(event.task);
    const node = this.#nodes.get(event.task);
    // A live message may be late: events of the log take precedence.
    if (!node || hasEnded(node.view) || event.attempt < node.view.attempt) return node?.view;
    const before = node.view;
    if (event.live === "started" && before.state !== "expanded")
      this.#show(node, { ...before, state: "running", attempt: event.attempt, startedAt: event.at });
    if (event.live === "lost") node.progress = describeLost(event.data);
    if (event.live === "progress" || event.live === "log") {
      const progress = toProgress(event.data);
      if (progress !== undefined) node.progress = progress;
    }
    return before;
  }

  #place(view: TaskView): TaskView | undefined {
    const node = this.#nodes.get(view.task) ?? this.#create(view);
    const before = node.view;
    const change = Number(hasEnded(view)) - (before === view ? 0 : Number(hasEnded(before)));
    this.#ended += change;
    if (node.parent) node.parent.ended += change;
    if (view.state !== "running") delete node.progress;
    this.#show(node, view);
    return before === view ? undefined : before;
  }

  #show(node: TaskNode, view: TaskView): void {
    this.#count(node.view.state, -1);
    this.#count(view.state, 1);
    node.view = view;
  }

  #count(state: TaskViewState, by: number): void {
    this.#inState.set(state, (this.#inState.get(state) ?? 0) + by);
  }

  #create(view: TaskView): TaskNode {
    const above = parentOf(view.task);
    // If a child is reported before its parent, a placeholder stands for the parent until it comes.
    const parent =
      above === undefined
        ? undefined
        : (this.#nodes.get(above) ?? this.#create({ task: above, type: "task", state: "expanded", attempt: 1 }));
    const node: TaskNode = { view, parent, children: [], size: 1, ended: 0 };
    this.#nodes.set(view.task, node);
    this.#count(view.state, 1);
    if (view.task === ROOT) this.#root = node;
    parent?.children.push(node);
    for (let at = parent; at; at = at.parent) at.size++;
    return node;
  }
}

/** Describes the live message `lost`: the worker of an attempt has not ended it. */
export function describeLost(data: Json | undefined): string {
  const times = typeof data === "object" && data !== null && "times" in data ? data.times : undefined;
  return `delivered once more: lost with its worker${typeof times === "number" && times > 1 ? ` ${times} times` : ""}`;
}

function toProgress(data: Json | undefined): number | string | undefined {
  if (typeof data === "number") return data >= 0 && data <= 1 ? data : String(data);
  if (typeof data === "string") return oneLine(data);
  if (data === null || data === undefined) return undefined;
  if (typeof data === "object" && "message" in data && typeof data.message === "string") return oneLine(data.message);
  return oneLine(JSON.stringify(data));
}
