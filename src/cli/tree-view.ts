import { ROOT } from "../core/names.ts";
import type { RunSummary, TaskViewState } from "../core/run-view.ts";
import type { RunTree, TaskNode } from "./run-tree.ts";
import { cutTo, type Paint, widthOf } from "./style.ts";
import { APPEARANCE, elapsedOf, formatCount, type LineOptions, type Reasons, renderTask } from "./task-line.ts";
import { barStyle, renderBar, type Span } from "./waterfall.ts";

/** A node with the children that are shown, in their order, and those without room. */
interface Layout {
  readonly node: TaskNode;
  readonly shown: readonly Layout[];
  readonly hidden: readonly TaskNode[];
}

/** The order in which tasks get lines if there is not enough room: smaller numbers first. */
const URGENCY: Readonly<Record<TaskViewState, number>> = {
  failed: 0,
  running: 1,
  expanded: 1,
  backingOff: 1,
  recovering: 1,
  tidying: 1,
  replanning: 1,
  undoing: 1,
  uncompensated: 0,
  compensated: 4,
  cancelled: 2,
  awaiting: 1,
  checking: 1,
  resting: 1,
  deciding: 3,
  ready: 3,
  held: 3,
  queued: 3,
  blocked: 3,
  succeeded: 4,
  skipped: 4,
  abandoned: 4,
};
/** The largest urgency of tasks for which a part of the children is worth showing: active and failed ones. */
const LAST_ACTIVE = 1;

const layOutAll = (node: TaskNode): Layout => ({ node, shown: node.children.map(layOutAll), hidden: [] });

/** Fits a subtree into `rows` lines, including its own. Takes linear time in the number of children. */
function layOut(node: TaskNode, rows: number): Layout {
  if (node.size <= rows) return layOutAll(node);
  const room = rows - 1;
  // A single line below a task could only repeat the number of its children, which its own line shows.
  if (room <= 1) return { node, shown: [], hidden: [] };
  // If not every child gets a line, one line is kept for the count of the others.
  const rowsOf = share(node.children, node.children.length <= room ? room : room - 1);
  const isShown = (child: TaskNode) => rowsOf.has(child);
  return {
    node,
    shown: node.children.filter(isShown).map((child) => layOut(child, rowsOf.get(child)!)),
    hidden: node.children.filter((child) => !isShown(child)),
  };
}

/**
 * Divides lines among siblings: the most urgent get one each, then equal parts of the remaining lines for their
 * subtrees; then the next most urgent follow.
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
      // A part of an inactive subtree would say little, so it is shown whole or not at all.
      const part = group <= LAST_ACTIVE ? Math.min(most, fair) : most === child.size - 1 ? most : 0;
      rowsOf.set(child, 1 + part);
      left -= part;
    });
  }
  return rowsOf;
}

/** Counts subtrees by the state of their topmost task: `9,950 more succeeded, 20 running`. */
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

/** The data that every line of a tree needs. */
interface Drawing {
  readonly options: LineOptions;
  readonly reasons: Reasons;
  readonly span: Span | undefined;
  readonly columns: Columns;
  readonly lines: string[];
}

/** The widths of a line's columns; 0 for a column without room. */
interface Columns {
  readonly task: number;
  readonly bar: number;
}
const TIME_WIDTH = 8;
/** The largest width that is used: in a wider window, times would be too far from their tasks. */
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

/** Renders the tasks in at most `rows` lines. */
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
  // No task failed the run: its deadline passed, or it was cancelled.
  if (run.error.code !== 422) return { outer: run.error.message };
  return { cancelled: run.error.task && `${run.error.task === ROOT ? "the run" : run.error.task} failed` };
}
