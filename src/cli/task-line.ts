import { formatDuration } from "../core/duration.ts";
import { keyOf, ROOT } from "../core/names.ts";
import type { TaskView, TaskViewState } from "../core/run-view.ts";
import { formatClock } from "./output.ts";
import type { TaskNode } from "./run-tree.ts";
import { oneLine, type Paint, type Style } from "./style.ts";
import { describeWait } from "./wait-text.ts";

const SPINNER = [..."⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"];

/** The symbol, style and word of each state. */
export const APPEARANCE: Readonly<Record<TaskViewState, { symbol: string; style: Style; word: string }>> = {
  blocked: { symbol: "·", style: "dim", word: "waiting" },
  checking: { symbol: "◇", style: "dim", word: "being decided" },
  resting: { symbol: "◷", style: "dim", word: "pausing" },
  awaiting: { symbol: "◷", style: "yellow", word: "waiting" },
  deciding: { symbol: "◇", style: "dim", word: "being decided" },
  ready: { symbol: "◌", style: "dim", word: "queued or running" },
  held: { symbol: "◌", style: "dim", word: "held back" },
  queued: { symbol: "◌", style: "dim", word: "queued" },
  running: { symbol: "▸", style: "cyan", word: "running" },
  backingOff: { symbol: "↻", style: "yellow", word: "backing off" },
  expanded: { symbol: "▾", style: "blue", word: "expanded" },
  replanning: { symbol: "⋯", style: "yellow", word: "being replanned" },
  tidying: { symbol: "▾", style: "blue", word: "tidying up" },
  recovering: { symbol: "⋯", style: "yellow", word: "recovering" },
  succeeded: { symbol: "✔", style: "green", word: "succeeded" },
  failed: { symbol: "✖", style: "red", word: "failed" },
  cancelled: { symbol: "⊘", style: "yellow", word: "cancelled" },
  skipped: { symbol: "○", style: "dim", word: "skipped" },
  abandoned: { symbol: "⊖", style: "dim", word: "abandoned" },
  undoing: { symbol: "↶", style: "yellow", word: "being undone" },
  compensated: { symbol: "↶", style: "dim", word: "undone" },
  uncompensated: { symbol: "⚠", style: "red", word: "not undone" },
};

/** The states of a task whose current attempt is not known to have begun. */
const WAITING: ReadonlySet<TaskViewState> = new Set(["blocked", "deciding", "ready", "held", "queued"]);

export interface LineOptions {
  readonly paint: Paint;
  /** The current time in milliseconds since the epoch, for the durations of open tasks. */
  readonly now: number;
  /** The step of the spinners. Default: no spinners. */
  readonly frame?: number;
  /** The number of columns that a line may have. Default 100. */
  readonly width?: number;
}

/** The reasons of tasks that did not fail by an error of their own. */
export interface Reasons {
  /** The reason of a run that no task failed, shown at the root: its deadline, or its cancellation. */
  readonly outer?: string | undefined;
  /** The reason of a task that was cancelled: `part-3 failed`. */
  readonly cancelled?: string | undefined;
}

/** The duration of the task's last attempt, such as `1.2s`: from its start to the task's end, or to now. */
export function elapsedOf(view: TaskView, now: number): string | undefined {
  if (!view.startedAt || WAITING.has(view.state)) return undefined;
  const end = view.endedAt ? Date.parse(view.endedAt) : now;
  // The clocks of two machines may differ.
  return formatDuration(Math.max(0, end - Date.parse(view.startedAt)));
}

/**
 * The title of a task: `part-3 (translate)`, or the type if the key is the same; with a label `3 "Ada" (translate)`.
 */
export function titleOf(view: TaskView, paint: Paint): string {
  const key = keyOf(view.task) + (view.label === undefined ? "" : ` ${JSON.stringify(view.label)}`);
  return view.task === ROOT || key === view.type ? view.type : `${key} ${paint("dim", `(${view.type})`)}`;
}

/** Writes a count as `12,345`. */
export const formatCount = (count: number): string => count.toLocaleString("en");

/** Renders a task, without indentation and time. */
export function renderTask(node: TaskNode, { paint, now, frame }: LineOptions, reasons: Reasons): string {
  const { view } = node;
  const { symbol, style, word } = APPEARANCE[view.state];
  const spins = frame !== undefined && (view.state === "running" || view.state === "expanded");
  const sign = spins ? SPINNER[frame % SPINNER.length]! : symbol;
  const parts = [`${paint(style, sign)} ${titleOf(view, paint)}`];
  if (node.children.length > 0) parts.push(paint("dim", [node.ended, node.children.length].map(formatCount).join("/")));
  if (view.repeat) parts.push(paint("dim", `round ${view.repeat.round}/${view.repeat.times}`));
  if (WAITING.has(view.state)) parts.push(paint("dim", word));
  if (typeof node.progress === "number") parts.push(paint("cyan", `${Math.round(node.progress * 100)}%`));
  else if (node.progress) parts.push(paint("dim", node.progress));
  const note = noteOf(node, now, reasons);
  if (note) parts.push(paint(view.state === "failed" ? "red" : "yellow", note));
  return parts.join("  ");
}

/** The note on a task that did not succeed at once: its attempt, the last error, and what comes next. */
function noteOf({ view, children }: TaskNode, now: number, { outer, cancelled }: Reasons): string | undefined {
  const attempt = sentence(
    view.fallback && "by its fallback",
    view.attempt > 1 ? attemptsOf(view) : undefined,
    view.lost && describeLosses(view.lost),
    view.marked && `marked${view.marked.by ? ` by ${oneLine(view.marked.by)}` : ""}`,
  );
  const message = view.error && oneLine(view.error.message);
  switch (view.state) {
    case "succeeded":
      return attempt;
    case "failed": {
      if (view.task === ROOT && outer) return oneLine(outer);
      // A parent fails because of a child, which shows the error.
      const culprit = children.find((child) => child.view.state === "failed");
      return culprit ? `${keyOf(culprit.view.task)} failed` : sentence(attempt, message);
    }
    case "cancelled":
      return sentence("cancelled", cancelled);
    case "backingOff":
      if (view.deferred && view.dueAt) {
        const until = `deferred until ${formatClock(view.dueAt)} (${secondsUntil(view.dueAt, now)}s)`;
        return view.deferred.why ? `${until}: ${oneLine(view.deferred.why)}` : until;
      }
      return sentence(
        view.dueAt && `attempt ${view.attempt + 1}${limitOf(view)} in ${secondsUntil(view.dueAt, now)}s`,
        message && `last: ${message}`,
      );
    case "held":
      return view.limit && sentence(`by the limit ${describeLimit(view.limit)}`, attempt);
    case "resting":
      return view.dueAt && `the next round in ${secondsUntil(view.dueAt, now)}s`;
    case "awaiting":
      return view.wait && `waits ${describeWait(view.wait, now)}`;
    default:
      return sentence(attempt, message && `last: ${message}`);
  }
}

/** Writes a limit as `type:fetch: 4 of 4 at once`, or `key:site: 100 of 100 in 1m 0s`. */
const describeLimit = ({ limit, most, perMs, held }: NonNullable<TaskView["limit"]>): string =>
  `${limit}: ${formatCount(held)} of ${formatCount(most)} ${perMs === undefined ? "at once" : `in ${formatDuration(perMs)}`}`;

const sentence = (...parts: readonly (string | undefined)[]): string | undefined =>
  parts.filter(Boolean).join(" · ") || undefined;

/** Names the workers that were lost: `lost 2 workers (w2, w1)`. */
export function describeLosses({ times, workers, silent }: NonNullable<TaskView["lost"]>): string {
  const names = `${workers.map(oneLine).join(", ")}${times > workers.length ? ", …" : ""}`;
  const lost = times === 1 ? `lost its worker ${names}` : `lost ${times} workers (${names})`;
  return silent ? `${lost}, which does not answer` : lost;
}

/** Writes the attempt as `attempt 2/3`. */
const attemptsOf = (view: TaskView): string => `attempt ${view.attempt}${limitOf(view)}`;
const limitOf = ({ maxAttempts }: TaskView): string => (maxAttempts === undefined ? "" : `/${maxAttempts}`);

const secondsUntil = (moment: string, now: number): number => Math.ceil(Math.max(0, Date.parse(moment) - now) / 1000);
