import { NO_TASKS, type TaskRecord } from "../fold/task-record.ts";
import { type Interval, intervalsOf } from "./intervals.ts";
import type { RunTimeline, TaskTimeline } from "./run-timeline.ts";

/** A part of the time that a run took, and the task that it was spent on. */
export interface PathPart extends Interval {
  readonly task: TaskRecord;
}

/**
 * The chain of what a run's time was spent on, in order: had any part of it been shorter, the run would have ended sooner.
 * It is found from the end backwards: an expanded task took as long as the child that ended last, which could not start
 * before the last of what it needs had ended. Linear in the number of tasks.
 */
export function criticalPathOf(timeline: RunTimeline, now: number): PathPart[] {
  const root = timeline.run && timeline.of(timeline.run.root);
  if (!root) return [];
  const parts: PathPart[] = [];
  // From the last to the first; a chain may have any length, which a call for each link would not survive.
  const open: (PathPart | TaskRecord)[] = [root.task];
  for (let next = open.pop(); next; next = open.pop()) {
    if ("what" in next) parts.push(next);
    else open.push(...partsOf(next, timeline, now));
  }
  return parts.reverse();
}

/** The parts of a task's time in order, its children's chain in place of the time in which it was expanded. */
function partsOf(task: TaskRecord, timeline: RunTimeline, now: number): (PathPart | TaskRecord)[] {
  const own = timeline.of(task);
  if (!own) return [];
  const found: (PathPart | TaskRecord)[] = [];
  for (const interval of intervalsOf(own, now)) {
    const chain = interval.what === "expanded" ? chainOf(task, interval, timeline, now) : [];
    if (chain.length > 0) found.push(...chain);
    // While it was blocked, what it needs was at work: that is in the chain before it.
    else if (interval.what !== FIRST || own.needs.length === 0) found.push({ task, ...interval });
  }
  return found;
}
const FIRST = "blocked";

function chainOf(task: TaskRecord, { from, to }: Interval, timeline: RunTimeline, now: number): TaskRecord[] {
  const last = lastOf(task.children?.all ?? NO_TASKS, timeline, { from, to }, now);
  const chain: TaskRecord[] = [];
  for (
    let link: TaskRecord | undefined = last;
    link;
    link = lastOf(timeline.of(link)!.needs, timeline, { from, to: begunAt(link) }, now)
  )
    chain.push(link);
  return chain.reverse();

  function begunAt(link: TaskRecord): number {
    const { phases } = timeline.of(link)!;
    return phases.find(({ state }) => state !== FIRST)?.at ?? now;
  }
}

/** Which of the tasks ended last within a time, as far as they have begun. */
function lastOf(
  tasks: readonly TaskRecord[],
  timeline: RunTimeline,
  { from, to }: { readonly from: number; readonly to: number },
  now: number,
): TaskRecord | undefined {
  let last: TaskRecord | undefined;
  let lastEnd = from - 1;
  for (const task of tasks) {
    const own = timeline.of(task);
    if (!own || !hasBegun(own)) continue;
    const end = endOf(own, now);
    if (end > lastEnd && end <= to) {
      last = task;
      lastEnd = end;
    }
  }
  return last;
}

/** Whether it has left its first state, other than by being stopped: what was stopped took no time of anybody. */
const hasBegun = ({ phases }: TaskTimeline): boolean => phases.length > 1 && !STOPS.has(phases.at(-1)!.on);
const STOPS: ReadonlySet<string | undefined> = new Set(["cancel", "abandon"]);
const endOf = ({ phases }: TaskTimeline, now: number): number => (phases.at(-1)!.isOver ? phases.at(-1)!.at : now);
