import type { Spent, Waiting } from "../core/explanation.ts";
import { ROOT } from "../core/names.ts";
import { pausedBy } from "../fold/pauses.ts";
import { isFinal, type TaskRecord } from "../fold/task-record.ts";
import { taskMachine } from "../machines/task.ts";
import { type Interval, intervalsOf } from "./intervals.ts";
import type { RunTimeline, TaskTimeline } from "./run-timeline.ts";

const MOST_NAMED = 3;
const MOST_WAITING = 50;
const MOST_LONGEST = 10;

export const spentOf = ({ id, spec }: TaskRecord, { what, from, to }: Interval): Spent => ({
  task: id,
  type: spec.type,
  what,
  from: new Date(from).toISOString(),
  ms: Math.round(to - from),
});

/** What is not over now, longest first, and how many there are: of those that wait for their children, only the children. */
export function waitingNow(timeline: RunTimeline, now: number): { first: Waiting[]; count: number } {
  const found: Waiting[] = [];
  for (const own of timeline.tasks) {
    const { task, phases } = own;
    if (isFinal(task) || String(task.snapshot.value) === "expanded") continue;
    const interval = { what: currentOf(own), from: phases.at(-1)!.at, to: now };
    found.push({ ...spentOf(task, interval), for: heldBack(own, now) ?? purposeOf(own, interval.what, now) });
  }
  return { first: found.sort((a, b) => b.ms - a.ms).slice(0, MOST_WAITING), count: found.length };
}

/** An attempt that is open may be in a worker's hands: the log does not say it. */
const currentOf = ({ task }: TaskTimeline): string =>
  task.snapshot.hasTag("open") ? "queued or running" : String(task.snapshot.value);

/** The longest intervals in which tasks were not executed, and no child of theirs was. */
export function longestWaits(timeline: RunTimeline, now: number): Waiting[] {
  const found: Waiting[] = [];
  for (const own of timeline.tasks) {
    for (const interval of intervalsOf(own, now)) {
      if (AT_WORK.has(interval.what) || interval.to <= interval.from) continue;
      if (interval.what === "blocked" && own.needs.length === 0) continue;
      found.push({ ...spentOf(own.task, interval), for: purposeOf(own, interval.what, interval.from) });
    }
    if (found.length < 1000) continue;
    found.sort((a, b) => b.ms - a.ms).length = MOST_LONGEST;
  }
  return found.sort((a, b) => b.ms - a.ms).slice(0, MOST_LONGEST);
}
const AT_WORK: ReadonlySet<string> = new Set(["running", "expanded"]);

/** Of a task that a pause holds back now: the pause, and what else. */
function heldBack({ task, needs }: TaskTimeline, now: number): string | undefined {
  const paused = pausedBy(task);
  if (!paused) return undefined;
  const pause = `the end of the pause of ${paused.id === ROOT ? "the run" : paused.id}`;
  if (task.snapshot.hasTag("open")) return `${pause}, or its result`;
  const isHeld = HELD.has(String(task.snapshot.value)) && openAmong(needs, now).length === 0;
  return isHeld ? pause : undefined;
}
const HELD: ReadonlySet<string> = new Set(["blocked", "backingOff", "resting"]);

/** What a task waits for, or waited for from a moment on, in words. */
function purposeOf({ task, needs }: TaskTimeline, what: string, from: number): string {
  switch (what) {
    case "blocked":
      return needs.length > 0 ? `what it needs: ${nameNeeds(needs, from)}` : "its turn";
    case "deciding":
      return "its condition and the expressions of its input";
    case "awaiting":
      return "a signal, a message, another run, a time, or the start of a run";
    case "checking":
      return "the decision whether its round was the last";
    case "resting":
      return "its next round";
    case "tidying":
      return "what its plan runs at its end";
    case "replanning":
      return "a change of its plan";
    case "recovering":
      return "the undo of what was done below it, or its fallback";
    case "undoing":
      return "the task that undoes it";
    case "queued":
      return `a worker of ${task.spec.type}`;
    case "queued or running":
      return `a worker of ${task.spec.type}, or its result`;
    case "backingOff":
      return task.dueAt >= from && String(task.snapshot.value) === what
        ? `its next attempt at ${new Date(task.dueAt).toISOString()}`
        : "its next attempt, after a failure";
    default:
      return describeState(what);
  }
}

const openAmong = (needs: readonly TaskRecord[], from: number): TaskRecord[] =>
  needs.filter((need) => !isFinal(need) || need.endedAt > from);

/** The needs that were not over then, their last ones first. */
function nameNeeds(needs: readonly TaskRecord[], from: number): string {
  const open = openAmong(needs, from);
  const latest = [...(open.length > 0 ? open : needs)].sort((a, b) => (b.endedAt || 1e16) - (a.endedAt || 1e16));
  const named = latest.slice(0, MOST_NAMED).map(({ key }) => key);
  const more = latest.length - named.length;
  return `${named.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

/** What the chart says of a state: new states need no words here. */
function describeState(state: string): string {
  const description = taskMachine.root.states[state]?.description ?? state;
  return description.split(". ")[0]!.replace(/\.$/, "");
}
