import { formatDuration } from "../core/duration.ts";
import { keyOf, ROOT } from "../core/names.ts";
import type { TaskView, TaskViewState } from "../core/run-view.ts";
import type { TaskNode } from "./run-tree.ts";
import { oneLine, type Paint, type Style } from "./style.ts";

const SPINNER = [..."⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"];

/** How a state looks, and what it is called in a sentence. */
export const APPEARANCE: Readonly<Record<TaskViewState, { symbol: string; style: Style; word: string }>> = {
  blocked: { symbol: "·", style: "dim", word: "waiting" },
  ready: { symbol: "◌", style: "dim", word: "queued or running" },
  held: { symbol: "◌", style: "dim", word: "held back" },
  queued: { symbol: "◌", style: "dim", word: "queued" },
  running: { symbol: "▸", style: "cyan", word: "running" },
  backingOff: { symbol: "↻", style: "yellow", word: "backing off" },
  expanded: { symbol: "▾", style: "blue", word: "expanded" },
  succeeded: { symbol: "✔", style: "green", word: "succeeded" },
  failed: { symbol: "✖", style: "red", word: "failed" },
  cancelled: { symbol: "⊘", style: "yellow", word: "cancelled" },
};

/** The states of a task that has not begun its current attempt, as far as is known. */
const WAITING: ReadonlySet<TaskViewState> = new Set(["blocked", "ready", "held", "queued"]);

export interface LineOptions {
  readonly paint: Paint;
  /** Milliseconds since the epoch, for the time that open tasks have taken so far. */
  readonly now: number;
  /** The spinner's step; without one nothing spins. */
  readonly frame?: number;
  /** Why the run ended, where that was no task's failure: told at the root. */
  readonly outerReason?: string | undefined;
}

/** `succeeded in 1.2s`'s figure: from the start to the end, or to now while it goes on. */
export function elapsedOf(view: TaskView, now: number): string | undefined {
  if (!view.startedAt || WAITING.has(view.state)) return undefined;
  const end = view.endedAt ? Date.parse(view.endedAt) : now;
  // The clocks of two machines may differ.
  return formatDuration(Math.max(0, end - Date.parse(view.startedAt)));
}

/** `part-3 (translate)`, or the type alone where the key says no more. */
function titleOf(view: TaskView, paint: Paint): string {
  const key = keyOf(view.task);
  return view.task === ROOT || key === view.type ? view.type : `${key} ${paint("dim", `(${view.type})`)}`;
}

/** `12,345` */
export const formatCount = (count: number): string => count.toLocaleString("en");

/** One task on one line, without indentation. */
export function renderTask(node: TaskNode, { paint, now, frame, outerReason }: LineOptions): string {
  const { view } = node;
  const { symbol, style, word } = APPEARANCE[view.state];
  const spins = frame !== undefined && (view.state === "running" || view.state === "expanded");
  const sign = spins ? SPINNER[frame % SPINNER.length]! : symbol;
  const parts = [`${paint(style, sign)} ${titleOf(view, paint)}`];
  if (node.children.length > 0) parts.push(paint("dim", [node.ended, node.children.length].map(formatCount).join("/")));
  const elapsed = elapsedOf(view, now);
  if (elapsed) parts.push(paint("dim", elapsed));
  else if (WAITING.has(view.state)) parts.push(paint("dim", word));
  if (view.state === "backingOff" || view.state === "cancelled") parts.push(paint(style, word));
  if (view.attempt > 1) parts.push(paint("yellow", `attempt ${view.attempt}`));
  if (typeof node.progress === "number") parts.push(paint("cyan", `${Math.round(node.progress * 100)}%`));
  else if (node.progress) parts.push(paint("dim", node.progress));
  const reason = (view.task === ROOT && outerReason) || view.error?.message;
  if (reason && view.state !== "succeeded")
    parts.push(paint(view.state === "failed" ? "red" : "yellow", oneLine(reason)));
  return parts.join("  ");
}
