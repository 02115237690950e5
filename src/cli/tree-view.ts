import { ROOT } from "../core/names.ts";
import type { RunSummary, TaskViewState } from "../core/run-view.ts";
import type { RunTree, TaskNode } from "./run-tree.ts";
import { cutTo, type Paint, widthOf } from "./style.ts";
import { APPEARANCE, elapsedOf, formatCount, type LineOptions, type Reasons, renderTask } from "./task-line.ts";
import { barStyle, renderBar, type Span } from "./waterfall.ts";

/** A node with the children that are shown, in their own order, and those that had no room. */
interface Layout {
  readonly node: TaskNode;
  readonly shown: readonly Layout[];
  readonly hidden: readonly TaskNode[];
}

/** What gets its lines first when there is not room for all: smaller is more urgent. */
const URGENCY: Readonly<Record<TaskViewState, number>> = {
  failed: 0,
  running: 1,
  expanded: 1,
  backingOff: 1,
  recovering: 1,
  tidying: 1,
  undoing: 1,
  uncompensated: 0,
  compensated: 4,
  cancelled: 2,
  awaiting: 1,
  deciding: 3,
  ready: 3,
  held: 3,
  queued: 3,
  blocked: 3,
  succeeded: 4,
  skipped: 4,
  abandoned: 4,
};
/** Up to here a task goes on, or is why the run does not: a part of what is under it says something, too. */
const LAST_ACTIVE = 1;

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
  for (const group of [0, 1, 2, 3, 4]) {
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
      const part = group <= LAST_ACTIVE ? Math.min(most, fair) : most === child.size - 1 ? most : 0;
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

/** What every line of one tree needs. */
interface Drawing {
  readonly options: LineOptions;
  readonly reasons: Reasons;
  readonly span: Span | undefined;
  readonly columns: Columns;
  readonly lines: string[];
}

/** How a line is divided: the task, its time, and when that was. 0: there is no room for it. */
interface Columns {
  readonly task: number;
  readonly bar: number;
}
const TIME_WIDTH = 8;
/** On a wider window the times would be too far from what they belong to. */
const WIDEST = 140;

function divide(width: number): Columns {
  const bar = width >= 100 ? 24 : width >= 76 ? 16 : 0;
  return { task: width - TIME_WIDTH - (bar > 0 ? bar + 2 : 0), bar };
}

function renderLayout({ node, shown, hidden }: Layout, drawing: Drawing, first: string, rest: string): void {
  const { lines, options } = drawing;
  lines.push(renderLine(node, drawing, first));
  const last = shown.length + (hidden.length > 0 ? 1 : 0) - 1;
  shown.forEach((child, i) => {
    renderLayout(child, drawing, `${rest}${i === last ? "└─ " : "├─ "}`, `${rest}${i === last ? "   " : "│  "}`);
  });
  if (hidden.length > 0) lines.push(`${options.paint("dim", `${rest}└─ …`)} ${countStates(hidden, options.paint)}`);
}

function renderLine(node: TaskNode, { options, reasons, span, columns }: Drawing, indent: string): string {
  const { paint, now } = options;
  const task = cutTo(`${paint("dim", indent)}${renderTask(node, options, reasons)}`, columns.task);
  const time = elapsedOf(node.view, now) ?? "";
  const bar = span && columns.bar > 0 ? renderBar(node.view, span, columns.bar) : "";
  if (!time && !bar) return task;
  const left = task + " ".repeat(Math.max(0, columns.task - widthOf(task)));
  const style = barStyle(node.children.length > 0, APPEARANCE[node.view.state].style);
  return `${left}${paint("dim", time.padStart(TIME_WIDTH))}${bar && `  ${paint(style, bar)}`}`;
}

/** The tasks as lines: at most `rows` of them. */
export function renderTree(tree: RunTree, rows: number, options: LineOptions): string[] {
  const lines: string[] = [];
  if (!tree.root || rows <= 0) return lines;
  const columns = divide(Math.min(options.width ?? 100, WIDEST));
  const drawing = { options, reasons: reasonsOf(tree.run), span: spanOf(tree.run, options.now), columns, lines };
  renderLayout(layOut(tree.root, rows), drawing, "", "");
  return lines;
}

const spanOf = (run: RunSummary | undefined, now: number): Span | undefined =>
  run && { from: Date.parse(run.submittedAt), to: run.endedAt ? Date.parse(run.endedAt) : now };

function reasonsOf(run: RunSummary | undefined): Reasons {
  if (!run?.error) return {};
  // A run that no task failed: its deadline passed, or it was cancelled.
  if (run.error.code !== 422) return { outer: run.error.message };
  return { cancelled: run.error.task && `${run.error.task === ROOT ? "the run" : run.error.task} failed` };
}
