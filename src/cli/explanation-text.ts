import { formatDuration } from "../core/duration.ts";
import type { Cost, Explanation, Failure, Spent, Waiting } from "../core/explanation.ts";
import { ROOT } from "../core/names.ts";
import type { WorkerPresence } from "../core/registration.ts";
import type { TaskViewState } from "../core/run-view.ts";
import type { Fact } from "./facts.ts";
import { manyLines, oneLine } from "./style.ts";
import { APPEARANCE, formatCount } from "./task-line.ts";

export interface ExplanationOptions {
  /** The workers alive, where that is known. */
  readonly workers?: readonly WorkerPresence[] | undefined;
  /** A command line of ours that can be copied. */
  readonly command: (words: string) => string;
}

const MOST_NAMED = 5;
/** Parts of the critical path that are shorter than this share of the run are added up. */
const SMALL = 0.01;
const MOST_PARTS = 12;
const STACK_LINES = 4;

/** `digest 0VJ… failed after 12s` */
export const headOf = ({ type, run, status, ms }: Explanation): string =>
  `${type} ${run} ${status === "running" || status === "paused" ? `has been ${status} for` : `${status} after`} ${formatDuration(ms)}`;

/** An explanation as labelled lines, in the order in which a reader asks: what failed, what waits, where the time went, what to do. */
export function explanationFacts(found: Explanation, { workers, command }: ExplanationOptions): Fact[] {
  const facts: Fact[] = [];
  const add = (label: string, text: string) => {
    if (text) facts.push([label, text]);
  };
  if (found.failure) {
    add("failed", describeFailure(found.failure, found.submittedAt));
    add("took", describeStopped(found.failure));
  }
  add("waits", describeWaiting(found, workers));
  add("longest", found.longestWaits.slice(0, MOST_NAMED).map(describeWait).join("\n"));
  add("time", describePath(found));
  add("spent", found.costs.slice(0, MOST_NAMED).map(describeCost).join("\n"));
  add("next", found.next.map((one) => `${command(one.command)}  (${one.why})`).join("\n"));
  return facts;
}

const nameOf = ({ task, type }: { readonly task: string; readonly type: string }): string =>
  task === ROOT ? type : `${task} (${type})`;

/** A state in words; one that has none yet, as the chart calls it. */
const wordOf = ({ what }: { readonly what: string }): string =>
  what === "blocked" ? what : (APPEARANCE[what as TaskViewState]?.word ?? what);

function describeFailure({ attempts, message, stack, at, isTaken, ...failed }: Failure, begunAt: string): string {
  const after = formatDuration(Math.max(0, Date.parse(at) - Date.parse(begunAt)));
  const count = attempts.length > 1 ? `, after ${attempts.length} attempts` : "";
  const taken = isTaken ? "; the run has gone on without it" : "";
  const earlier = attempts.slice(0, -1).map(({ attempt, ms, worker, endedOn, error }) => {
    const where = worker === undefined ? "" : ` on ${worker}`;
    return `  attempt ${attempt}${where}, ${formatDuration(ms)}: ${oneLine(error?.message ?? endedOn ?? "open")}`;
  });
  const worker = attempts.at(-1)?.worker;
  return [
    `${nameOf(failed)} at +${after}${count}${worker === undefined ? "" : `, on worker ${worker}`}${taken}`,
    manyLines(message),
    ...framesOf(stack),
    ...earlier,
  ].join("\n");
}

/** Where it was thrown: the first frames of the stack. */
const framesOf = (stack: string | undefined): string[] =>
  (stack ?? "")
    .split("\n")
    .filter((line) => /^\s+at /.test(line))
    .slice(0, STACK_LINES)
    .map((line) => `  ${oneLine(line)}`);

function describeStopped({ stopped, stoppedCount }: Failure): string {
  if (stoppedCount === 0) return "";
  const named = stopped.slice(0, MOST_NAMED).map((one) => `${nameOf(one)} ${one.state}`);
  const more = stoppedCount - named.length;
  return `${named.join(", ")}${more > 0 ? ` and ${formatCount(more)} more` : ""}`;
}

/** What is not over, by what it waits for: one line for each. */
function describeWaiting(
  { waiting, waitingCount }: Explanation,
  workers: readonly WorkerPresence[] | undefined,
): string {
  const groups = new Map<string, { readonly first: Waiting; count: number }>();
  for (const one of waiting) {
    const key = `${one.type} ${one.what} ${one.what === "blocked" ? one.task : one.for}`;
    const group = groups.get(key);
    if (group) group.count++;
    else groups.set(key, { first: one, count: 1 });
  }
  const lines = [...groups.values()].slice(0, MOST_NAMED * 2).map(({ first, count }) => {
    const who = count > 1 ? `${formatCount(count)} of ${first.type}, the longest ${first.task}` : nameOf(first);
    return `${who}: ${wordOf(first)} for ${formatDuration(first.ms)}; waits for ${first.for}${capacityOf(first, workers)}`;
  });
  const shown = [...groups.values()].slice(0, MOST_NAMED * 2).reduce((sum, { count }) => sum + count, 0);
  const more = waitingCount - shown;
  return [...lines, ...(more > 0 ? [`… and ${formatCount(more)} more`] : [])].join("\n");
}

function capacityOf({ what, type }: Waiting, workers: readonly WorkerPresence[] | undefined): string {
  if (!workers || what !== "queued or running") return "";
  const able = workers.filter(({ types }) => types.includes(type));
  if (able.length === 0) return ` — no worker of ${type} is alive`;
  const isBusy = able.every(({ running, concurrency }) => running >= concurrency);
  const count = `${able.length} worker${able.length === 1 ? "" : "s"} of it alive`;
  return isBusy ? ` — ${count}, all busy` : ` — ${count}`;
}

const describeWait = (one: Waiting): string =>
  `${formatDuration(one.ms)}  ${nameOf(one)} was ${wordOf(one)}, waiting for ${one.for}`;

/** The critical path: its parts that matter, in order. */
function describePath({ criticalPath, ms }: Explanation): string {
  const large = criticalPath.filter((part) => part.ms >= ms * SMALL);
  const shown = large.length <= MOST_PARTS ? large : longestOf(large);
  const rest = ms - shown.reduce((sum, part) => sum + part.ms, 0);
  const lines = shown.map(
    (part) => `${formatDuration(part.ms).padStart(6)} ${share(part.ms, ms)}  ${nameOf(part)} ${wordOf(part)}`,
  );
  if (shown.length > 0 && rest >= 1)
    lines.push(`${formatDuration(rest).padStart(6)} ${share(rest, ms)}  everything else`);
  return lines.join("\n");
}

/** The longest, in their own order. */
function longestOf(parts: readonly Spent[]): Spent[] {
  const longest = new Set([...parts].sort((a, b) => b.ms - a.ms).slice(0, MOST_PARTS));
  return parts.filter((part) => longest.has(part));
}

const share = (part: number, whole: number): string => `${Math.round((100 * part) / Math.max(1, whole))}%`.padStart(4);

function describeCost({ type, tasks, attempts, runningMs, queuedMs, usage }: Cost): string {
  const sums = Object.entries(usage).map(([name, sum]) => `${formatCount(sum)} ${name}`);
  const tried = attempts > tasks ? `, ${formatCount(attempts)} attempts` : "";
  const times = `${formatDuration(runningMs)} running, ${formatDuration(queuedMs)} queued`;
  return [`${type}: ${formatCount(tasks)} ${tasks === 1 ? "task" : "tasks"}${tried}`, times, ...sums].join(", ");
}
