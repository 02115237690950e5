import type { RunNotice, WatchEvent } from "../app.ts";
import { formatDuration } from "../core/duration.ts";
import { ROOT } from "../core/names.ts";
import type { RunSummary, TaskView } from "../core/run-view.ts";
import { describeLost, hasEnded } from "./run-tree.ts";
import { asText, oneLine, type Paint } from "./style.ts";
import { APPEARANCE, describeLosses, elapsedOf, formatCount } from "./task-line.ts";
import { describeWait } from "./wait-text.ts";

/** The states that get no line of their own: a line for each wait in a queue would double the number of lines. */
const UNREPORTED = new Set(["blocked", "deciding", "ready", "held", "queued"]);

const nameOf = (view: TaskView) => (view.task === ROOT ? view.type : view.task);

/**
 * Describes the change that an event made in one line; undefined if it made none that is reported. `run` and `before`
 * are the run and the task before the event.
 */
export function renderChange(
  event: WatchEvent,
  run: RunSummary | undefined,
  before: TaskView | undefined,
  paint: Paint,
): string | undefined {
  if (event.kind === "run") {
    const { status, endedAt } = event.run;
    // The run is settled, but its end is not reported yet.
    const isEnding = !endedAt && status !== "running" && status !== "paused";
    return isEnding || (status === run?.status && endedAt === run.endedAt) ? undefined : renderRun(event.run, paint);
  }
  if (event.kind === "task") {
    const { task } = event;
    const isNew = before?.state !== task.state || before.attempt !== task.attempt;
    if (task.lost && !hasEnded(task) && describeLosses(task.lost) !== (before?.lost && describeLosses(before.lost)))
      return `  ${paint("yellow", `${APPEARANCE.backingOff.symbol} ${nameOf(task)}`)} ${describeLosses(task.lost)}`;
    return isNew && !UNREPORTED.has(task.state)
      ? renderTaskChange(task, paint, before?.state === "expanded")
      : undefined;
  }
  if (!before) return undefined;
  const isOpen = !hasEnded(before) && before.state !== "expanded";
  if (event.live === "started" && isOpen && (before.state !== "running" || before.attempt < event.attempt))
    return renderTaskChange({ ...before, state: "running", attempt: event.attempt, startedAt: event.at }, paint);
  if (event.live === "lost" && isOpen)
    return `  ${paint("yellow", `${APPEARANCE.backingOff.symbol} ${nameOf(before)}`)} ${describeLost(event.data)}`;
  if (event.live !== "log" || typeof event.data !== "object" || event.data === null || !("message" in event.data))
    return undefined;
  return `  ${nameOf(before)}: ${oneLine(asText(event.data.message))}`;
}

/** Renders a run as `✔ document 0f3… succeeded in 1.2s (7 tasks)`. */
function renderRun(run: RunSummary, paint: Paint): string {
  const { symbol, style } = run.status === "paused" ? APPEARANCE.backingOff : APPEARANCE[run.status];
  const head = `${paint(style, symbol)} ${run.type} ${paint("dim", run.run)} ${run.status}`;
  if (!run.endedAt) return head;
  const took = formatDuration(Math.max(0, Date.parse(run.endedAt) - Date.parse(run.submittedAt)));
  return `${head} in ${took} ${countTasks(run.totals.tasks)}${because(reasonOf(run))}`;
}

/** The reason of a failed run. If a task caused it, the reason only names the task, whose own line has the error. */
const reasonOf = ({ error }: RunSummary): string | undefined =>
  error?.task === undefined || error.task === ROOT ? error?.message : `task ${error.task} failed`;

/** Renders a run in the same format, from the notice of an orchestrator. */
export function renderNotice({ run, type, submittedAt, ended }: RunNotice, paint: Paint): string {
  const { symbol, style, word } = APPEARANCE[ended?.status ?? "running"];
  const head = `${paint(style, symbol)} ${type} ${paint("dim", run)} ${word}`;
  if (!ended) return head;
  return `${head} in ${formatDuration(Math.max(0, ended.at - submittedAt))} ${countTasks(ended.tasks)}${because(ended.error)}`;
}

const countTasks = (count: number) => `(${formatCount(count)} ${count === 1 ? "task" : "tasks"})`;
const because = (message: string | undefined) => (message ? `: ${oneLine(message)}` : "");

/** With `ofChildren`, the task had children, and the error is shown at the one that failed. */
function renderTaskChange(view: TaskView, paint: Paint, ofChildren = false): string {
  const { symbol, style, word } = APPEARANCE[view.state];
  const elapsed = view.endedAt ? elapsedOf(view, 0) : undefined;
  if (view.deferred) {
    const why = view.deferred.why === undefined ? "" : `: ${oneLine(view.deferred.why)}`;
    return `  ${paint(style, symbol)} ${nameOf(view)} deferred${why}`;
  }
  if (view.wait)
    return `  ${paint(style, symbol)} ${nameOf(view)} waits ${describeWait(view.wait, Date.parse(view.wait.since))}`;
  return [
    `  ${paint(style, symbol)} ${nameOf(view)} ${word}`,
    elapsed && ` in ${elapsed}`,
    view.attempt > 1 && ` (attempt ${view.attempt})`,
    // While an attempt runs, the error is that of the attempt before.
    view.error &&
      !ofChildren &&
      view.state !== "succeeded" &&
      view.state !== "running" &&
      `: ${oneLine(view.error.message)}`,
  ]
    .filter(Boolean)
    .join("");
}
