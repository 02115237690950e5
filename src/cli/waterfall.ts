import type { TaskView } from "../core/run-view.ts";
import type { Style } from "./style.ts";

/** The time that a run took, or has taken until now: milliseconds since the epoch. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * When a task was at work within its run, as a bar in `width` cells: dotted from when it was ready (it was queued, or an
 * attempt failed), full from where its last attempt began to where the task ended, or to now. Empty for a task that is
 * not ready.
 */
export function renderBar(view: TaskView, span: Span, width: number): string {
  const { openedAt = view.startedAt, startedAt } = view;
  if (!openedAt || span.to <= span.from) return "";
  const cellOf = (ms: number) => Math.min(width, Math.max(0, ((ms - span.from) / (span.to - span.from)) * width));
  const to = cellOf(view.endedAt ? Date.parse(view.endedAt) : span.to);
  const isAtWork = startedAt !== undefined && view.state !== "backingOff";
  // A bar has one cell at least.
  const begin = isAtWork ? Math.min(width - 1, Math.floor(cellOf(Date.parse(startedAt)))) : Math.ceil(to);
  const ready = Math.min(begin, Math.floor(cellOf(Date.parse(openedAt))));
  const full = isAtWork ? "━".repeat(Math.max(1, Math.ceil(to) - begin)) : "";
  return `${" ".repeat(ready)}${"┈".repeat(begin - ready)}${full}`;
}

/** The bar's style: that of the task's state, but what has children stands back. */
export const barStyle = (hasChildren: boolean, style: Style): Style => (hasChildren ? "dim" : style);
