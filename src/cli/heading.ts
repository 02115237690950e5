import { formatDuration } from "../core/duration.ts";
import type { RunStatus } from "../core/event.ts";
import type { TaskViewState } from "../core/run-view.ts";
import type { RunTree } from "./run-tree.ts";
import type { Style } from "./style.ts";
import { APPEARANCE, formatCount, type LineOptions } from "./task-line.ts";

const STATUS_STYLE: Readonly<Record<RunStatus, Style>> = {
  running: "cyan",
  paused: "yellow",
  succeeded: "green",
  failed: "red",
  cancelled: "yellow",
};

/** The states that a heading counts, in this order. */
const COUNTED: readonly TaskViewState[] = [
  "failed",
  "running",
  "backingOff",
  "queued",
  "ready",
  "held",
  "cancelled",
  "succeeded",
];

/**
 * Renders the run on one line: `digest  r1  running  3.2s  9/12 tasks · 1 failed · 2 running`. For a run that has ended
 * it shows the outcome of its tasks: `11 succeeded, 1 failed of 12 tasks`.
 */
export function renderHeading(tree: RunTree, { paint, now }: LineOptions, pace?: string): string {
  const { run } = tree;
  if (!run) return "";
  const took = (run.endedAt ? Date.parse(run.endedAt) : now) - Date.parse(run.submittedAt);
  return [
    paint("bold", run.type),
    paint("dim", run.run),
    paint(STATUS_STYLE[run.status], run.status),
    formatDuration(Math.max(0, took)),
    paint("dim", run.endedAt ? outcomeOf(tree) : progressOf(tree, pace)),
  ].join("  ");
}

function progressOf({ counts }: RunTree, pace: string | undefined): string {
  const inProgress = COUNTED.filter((state) => state !== "succeeded" && counts.in(state) > 0).map((state) =>
    countOf(counts.in(state), state),
  );
  return [
    `${formatCount(counts.ended)}/${formatCount(counts.tasks)} tasks`,
    ...inProgress,
    ...(pace ? [pace] : []),
  ].join(" · ");
}

function outcomeOf({ counts, run }: RunTree): string {
  const { tasks } = counts;
  const ends = (["succeeded", "failed", "cancelled"] as const).filter((state) => counts.in(state) > 0);
  const all = `${formatCount(tasks)} ${tasks === 1 ? "task" : "tasks"}`;
  const what =
    ends.length === 1 && counts.in(ends[0]!) === tasks
      ? `${all} ${ends[0]}`
      : `${ends.map((state) => countOf(counts.in(state), state)).join(", ")} of ${all}`;
  const { executions } = run!.totals;
  return executions > tasks ? `${what}, ${formatCount(executions)} executions` : what;
}

const countOf = (count: number, state: TaskViewState): string => `${formatCount(count)} ${APPEARANCE[state].word}`;
