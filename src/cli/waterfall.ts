import type { TaskView } from "../core/run-view.ts";
import type { Style } from "./style.ts";

/** The time of a run from its submission to its end, or to now, in milliseconds since the epoch. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * Renders the time of a task within its run as a bar of `width` cells: dotted from the time at which it was ready (it
 * was queued, or an attempt failed), full from the start of its last attempt to its end, or to now. Empty for a task
 * that was not ready.
 */
export function renderBar(view: TaskView, span: Span, width: number): string {
  const { openedAt = view.startedAt, startedAt } = view;
  if (!openedAt || span.to <= span.from) return "";
  const cellOf = (ms: number) => Math.min(width, Math.max(0, ((ms - span.from) / (span.to - span.from)) * width));
  const to = cellOf(view.endedAt ? Date.parse(view.endedAt) : span.to);
  const isAtWork = startedAt !== undefined && view.state !== "backingOff";
  // A bar has at least one cell.
  const begin = isAtWork ? Math.min(width - 1, Math.floor(cellOf(Date.parse(startedAt)))) : Math.ceil(to);
  const ready = Math.min(begin, Math.floor(cellOf(Date.parse(openedAt))));
  const full = isAtWork ? "━".repeat(Math.max(1, Math.ceil(to) - begin)) : "";
  return `${" ".repeat(ready)}${"┈".repeat(begin - ready)}${full}`;
}

/** The style of a bar: that of the task's state, or dim for a task with children. */
export const barStyle = (hasChildren: boolean, style: Style): Style => (hasChildren ? "dim" : style);
