import type { Subjects } from "../../bus/subjects.ts";
import type { Json } from "../../core/json.ts";
import { parentOf } from "../../core/names.ts";
import { viewError } from "../../fold/view.ts";
import type { TracedAttempt, TracedEvent, TracedRun, TracedTask, Usage } from "../../telemetry/traced-run.ts";
import { addUsage } from "../../timeline/costs.ts";
import { beganAt, intervalsOf } from "../../timeline/intervals.ts";
import type { Attempt, Note, RunTimeline, TaskTimeline } from "../../timeline/run-timeline.ts";

/** In larger runs, waits are shown as events only. */
const MOST_TASKS_WITH_WAITS = 1000;

export interface TraceOptions {
  readonly subjects: Subjects;
  /** Of a run that goes on: the sequence of the last event that was read, and the time that open spans end at, ms. */
  readonly snapshot?: { readonly sequence: number; readonly now: number };
}

/** One round of a run, as its trace shows it: all times from the log, but when workers began. */
export function tracedRun(timeline: RunTimeline, round: number, { subjects, snapshot }: TraceOptions): TracedRun {
  const { run, tenant, submitted } = timeline.run!;
  const { from, to, end } = timeline.rounds[round - 1]!;
  const error = end?.error;
  const until = to ?? snapshot?.now ?? from;
  const usage = usageBySubtree(timeline);
  return {
    run,
    tenant,
    type: submitted.type,
    ...(submitted.trace && { trace: submitted.trace }),
    round,
    from,
    to: until,
    ...(end && { status: end.status }),
    ...(error && { error: { code: error.code, message: error.message } }),
    ...(snapshot && { snapshotAt: snapshot.sequence }),
    usage: usage.get(timeline.run!.root.id) ?? {},
    tasks: tracedTasks(timeline, { round, until, subjects, usage }),
  };
}

interface RoundOptions {
  readonly round: number;
  readonly until: number;
  readonly subjects: Subjects;
  readonly usage: ReadonlyMap<string, Usage>;
}

/** What the attempts of each task and of all below it report. */
function usageBySubtree(timeline: RunTimeline): Map<string, Record<string, number>> {
  const sums = new Map<string, Record<string, number>>();
  // Children were planted after their parents.
  for (const { task, attempts } of [...timeline.tasks].reverse()) {
    const own = sums.get(task.id) ?? {};
    for (const attempt of attempts) addUsage(own, attempt);
    if (Object.keys(own).length === 0) continue;
    sums.set(task.id, own);
    const parent = parentOf(task.id);
    if (parent === undefined) continue;
    const above = sums.get(parent) ?? {};
    addUsage(above, { usage: own });
    sums.set(parent, above);
  }
  return sums;
}

function* tracedTasks(timeline: RunTimeline, options: RoundOptions): Generator<TracedTask> {
  const hasWaits = timeline.run!.tasks.size <= MOST_TASKS_WITH_WAITS;
  for (const own of timeline.tasks) {
    const phases = own.phases.filter(({ round }) => round === options.round);
    // What had ended before a redrive is in the trace since then.
    if (phases.length > 0) yield tracedTask(timeline, { ...own, phases }, options, hasWaits);
  }
}

function tracedTask(timeline: RunTimeline, own: TaskTimeline, options: RoundOptions, hasWaits: boolean): TracedTask {
  const { task, needs, phases } = own;
  const { round, until, subjects, usage } = options;
  const last = phases.at(-1)!;
  const { parent, spec, run } = task;
  const error = task.error ?? own.attempts.at(-1)?.error;
  const lastRoundOf = (id: TaskTimeline | undefined) =>
    id?.phases.findLast((one) => one.round <= round)?.round ?? round;
  const policy = policyOf(spec);
  const subjectOf = ({ attempt }: Attempt) =>
    subjects.task({
      type: spec.type,
      priority: spec.priority ?? run.priority,
      shard: run.shard,
      tenant: run.tenant,
      run: run.run,
      task: task.id,
      attempt,
    });
  return {
    task: task.id,
    type: spec.type,
    state: last.state,
    from: phases[0]!.at,
    to: last.isOver ? last.at : until,
    ...(parent && { parentRound: lastRoundOf(timeline.of(parent)) }),
    ...(error && last.state === "failed" && { error: viewError(error) }),
    needs: needs.map((need) => ({ task: need.id, round: lastRoundOf(timeline.of(need)) })),
    ...(policy !== undefined && { policy }),
    usage: usage.get(task.id) ?? {},
    phases: phases.map(({ state, at, on }) => ({ name: state, at, ...(on && { attributes: { "tutti.on": on } }) })),
    waits: hasWaits
      ? intervalsOf(own, until).filter(({ what, from, to }) => !AT_WORK.has(what) && to - from >= SHORTEST_WAIT_MS)
      : [],
    attempts: phases.flatMap(({ opened }) => (opened ? [tracedAttempt(opened, until, subjectOf(opened))] : [])),
  };
}

/** A wait that is shorter is seen as the gap that it is. */
const SHORTEST_WAIT_MS = 1;
const AT_WORK: ReadonlySet<string> = new Set(["running", "queued or running", "expanded"]);

function policyOf(spec: TaskTimeline["task"]["spec"]): Json | undefined {
  const { retry, timeout, priority } = spec;
  const stated = { ...(retry && { retry }), ...(timeout && { timeout }), ...(priority && { priority }) };
  return Object.keys(stated).length > 0 ? (stated as Json) : undefined;
}

function tracedAttempt(attempt: Attempt, until: number, subject: string): TracedAttempt {
  const { endedAt: to = until, endedOn, worker, planned, notes } = attempt;
  const error = attempt.error ? viewError(attempt.error) : lossOf(attempt);
  const usage: Record<string, number> = {};
  addUsage(usage, attempt);
  return {
    attempt: attempt.attempt,
    from: beganAt(attempt, to) ?? attempt.openedAt,
    to,
    ...(endedOn && { endedOn }),
    ...(worker !== undefined && { worker }),
    subject,
    ...(error && { error }),
    usage,
    ...(planned !== undefined && { planned }),
    events: notes.map(eventOf),
  };
}

/** An attempt that ended with its worker. */
function lossOf({ notes, endedAt }: Attempt): TracedAttempt["error"] {
  const loss = notes.find(({ kind, at }) => kind === "lost" && at === endedAt);
  return loss && { kind: "lost", name: "WorkerLost", message: `lost with its worker ${loss.worker ?? ""}`.trimEnd() };
}

const eventOf = ({ kind, at, worker }: Note): TracedEvent => ({
  name: `tutti.attempt.${kind}`,
  at,
  ...(worker !== undefined && { attributes: { "tutti.worker": worker } }),
});
