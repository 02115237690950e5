import { formatDuration } from "../core/duration.ts";
import type { RunSummary, TaskViewState } from "../core/run-view.ts";
import type { RunTree, TaskNode } from "./run-tree.ts";
import type { Paint } from "./style.ts";
import { APPEARANCE, formatCount, type LineOptions, renderTask } from "./task-line.ts";

/** A node with the children that are shown, in their own order, and those that had no room. */
interface Layout {
  readonly node: TaskNode;
  readonly shown: readonly Layout[];
  readonly hidden: readonly TaskNode[];
}

/** What gets its lines first when there is not room for all: smaller is more urgent. */
const URGENCY: Readonly<Record<TaskViewState, number>> = {
  failed: 0,
  running: 0,
  expanded: 0,
  backingOff: 0,
  cancelled: 1,
  ready: 2,
  held: 2,
  queued: 2,
  blocked: 2,
  succeeded: 3,
};

const layOutAll = (node: TaskNode): Layout => ({ node, shown: node.children.map(layOutAll), hidden: [] });

/** Fits a subtree into `rows` lines, its own included. Linear in the number of children looked at. */
function layOut(node: TaskNode, rows: number): Layout {
  if (node.size <= rows) return layOutAll(node);
  const room = rows - 1;
  // A single line under a task could only say what its own says already: how many children it has.
  if (room <= 1) return { node, shown: [], hidden: [] };
  // Unless each child has a line at least, one is kept for the count of those that have none.
  const rowsOf = share(node.children, node.children.length <= room ? room : room - 1);
  const isShown = (child: TaskNode) => rowsOf.has(child);
  return {
    node,
    shown: node.children.filter(isShown).map((child) => layOut(child, rowsOf.get(child)!)),
    hidden: node.children.filter((child) => !isShown(child)),
  };
}

/**
 * Divides lines among siblings: the most urgent get one each, then equal parts of what is left for what is
 * under them, then come the next.
 */
function share(children: readonly TaskNode[], rows: number): Map<TaskNode, number> {
  const rowsOf = new Map<TaskNode, number>();
  const kept = children.length <= rows ? children.length : 0;
  let left = rows - kept;
  for (const group of [0, 1, 2, 3]) {
    const picked: TaskNode[] = [];
    for (const child of children) {
      if (URGENCY[child.view.state] !== group) continue;
      if (kept === 0 && left-- <= 0) break;
      picked.push(child);
      rowsOf.set(child, 1);
    }
    left = Math.max(0, left);
    const wanting = picked.filter((child) => child.size > 1).sort((a, b) => a.size - b.size);
    wanting.forEach((child, i) => {
      const most = Math.min(child.size - 1, left);
      const fair = Math.max(2, Math.floor(left / (wanting.length - i)));
      // Of what is not going on, a part would say little: all or nothing.
      const part = group === 0 ? Math.min(most, fair) : most === child.size - 1 ? most : 0;
      rowsOf.set(child, 1 + part);
      left -= part;
    });
  }
  return rowsOf;
}

/** `9,950 more succeeded, 20 running`: whole subtrees counted by the state of their topmost task. */
function countStates(nodes: readonly TaskNode[], paint: Paint): string {
  const counts = new Map<string, { count: number; style: Parameters<Paint>[0] }>();
  for (const { view } of nodes) {
    const { word, style } = APPEARANCE[view.state];
    const entry = counts.get(word) ?? { count: 0, style };
    entry.count++;
    counts.set(word, entry);
  }
  return [...counts]
    .map(([word, { count, style }], i) => paint(style, `${formatCount(count)}${i === 0 ? " more" : ""} ${word}`))
    .join(", ");
}

function renderLayout(
  { node, shown, hidden }: Layout,
  options: LineOptions,
  first: string,
  rest: string,
  lines: string[],
): void {
  const { paint } = options;
  lines.push(`${paint("dim", first)}${renderTask(node, options)}`);
  const last = shown.length + (hidden.length > 0 ? 1 : 0) - 1;
  shown.forEach((child, i) => {
    renderLayout(child, options, `${rest}${i === last ? "└─ " : "├─ "}`, `${rest}${i === last ? "   " : "│  "}`, lines);
  });
  if (hidden.length > 0) lines.push(`${paint("dim", `${rest}└─ …`)} ${countStates(hidden, paint)}`);
}

/** The tasks as lines: at most `rows` of them. */
export function renderTree(tree: RunTree, rows: number, options: LineOptions): string[] {
  const lines: string[] = [];
  const outerReason = outerReasonOf(tree.run);
  if (tree.root && rows > 0) renderLayout(layOut(tree.root, rows), { ...options, outerReason }, "", "", lines);
  return lines;
}

/** Of a run that came to its deadline or was cancelled: its tasks tell at most why their last attempts failed. */
const outerReasonOf = (run: RunSummary | undefined): string | undefined =>
  run?.error && run.error.code !== 422 ? run.error.message : undefined;

/** `document  0f3…  running  3.2s  12/40 tasks`: the run on one line. */
export function renderHeading(tree: RunTree, { paint, now }: LineOptions): string {
  const { run, counts } = tree;
  if (!run) return "";
  const style = { running: "cyan", paused: "yellow", succeeded: "green", failed: "red", cancelled: "yellow" } as const;
  const took = (run.endedAt ? Date.parse(run.endedAt) : now) - Date.parse(run.submittedAt);
  const executions = run.totals.executions > counts.tasks ? `, ${formatCount(run.totals.executions)} executions` : "";
  return [
    paint("bold", run.type),
    paint("dim", run.run),
    paint(style[run.status], run.status),
    formatDuration(Math.max(0, took)),
    paint("dim", `${formatCount(counts.ended)}/${formatCount(counts.tasks)} tasks${executions}`),
  ].join("  ");
}
