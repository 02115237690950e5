import { isDeepStrictEqual } from "node:util";
import type { RunEvent } from "../core/event.ts";
import { depthOf } from "../core/names.ts";
import type { DifferenceSide, RunDifference, TaskDifference } from "../core/run-difference.ts";
import type { TaskRecord } from "../fold/task-record.ts";
import { statusOf } from "../fold/view.ts";
import { addUsage } from "./costs.ts";
import type { RunTimeline, TaskTimeline } from "./run-timeline.ts";

const MOST_SLOWER = 10;

/** One of the runs that are compared, read out of its log. */
export interface Compared {
  readonly timeline: RunTimeline;
  readonly events: readonly RunEvent[];
}

/** Compares two runs task by task, by path. `now`: ms, for what is going on. */
export function compareRuns(left: Compared, right: Compared, now: number): RunDifference {
  const outputs = [outputsOf(left.events), outputsOf(right.events)] as const;
  const [mine, theirs] = [tasksOf(left), tasksOf(right)];
  const different: TaskDifference[] = [];
  const slower: RunDifference["slower"] = [];
  let same = 0;
  for (const id of new Set([...mine.keys(), ...theirs.keys()])) {
    const [one, other] = [mine.get(id), theirs.get(id)];
    const differs = differencesOf(one?.task, other?.task, !isDeepStrictEqual(outputs[0].get(id), outputs[1].get(id)));
    const sides = {
      ...(one && { left: sideOf(one, now) }),
      ...(other && { right: sideOf(other, now) }),
    };
    const { type } = (one ?? other)!.task.spec;
    if (differs.length > 0) different.push({ task: id, type, differs, ...sides });
    else same++;
    if (sides.left && sides.right) slower.push({ task: id, type, ...sides, ms: sides.right.ms - sides.left.ms });
  }
  return {
    left: runSide(left, now),
    right: runSide(right, now),
    sameInput: isDeepStrictEqual(inputOf(left), inputOf(right)),
    same,
    different: different.sort((a, b) => depthOf(a.task) - depthOf(b.task)),
    slower: slower
      .filter(({ ms }) => ms !== 0)
      .sort((a, b) => Math.abs(b.ms) - Math.abs(a.ms))
      .slice(0, MOST_SLOWER),
  };
}

const tasksOf = ({ timeline }: Compared): Map<string, TaskTimeline> =>
  new Map([...timeline.tasks].map((own) => [own.task.id, own]));

/** By task: the last output that the log has of it, or where that is kept. */
function outputsOf(events: readonly RunEvent[]): Map<string, unknown> {
  const found = new Map<string, unknown>();
  for (const { kind, body } of events)
    for (const one of kind === "result" ? (body.results as ({ [field: string]: unknown } | null)[]) : [])
      if (typeof one?.task === "string") found.set(one.task, one.output ?? one.outputRef);
  return found;
}

function inputOf({ timeline }: Compared): unknown {
  const { input, inputRef } = timeline.run!.submitted;
  return inputRef ?? input;
}

function differencesOf(
  left: TaskRecord | undefined,
  right: TaskRecord | undefined,
  hasOtherOutput: boolean,
): TaskDifference["differs"] {
  if (!left || !right) return ["presence"];
  const differs: TaskDifference["differs"] = [];
  if (left.spec.type !== right.spec.type) differs.push("type");
  if (left.snapshot.value !== right.snapshot.value) differs.push("state");
  if (left.snapshot.context.attempt !== right.snapshot.context.attempt) differs.push("attempts");
  if (hasOtherOutput) differs.push("output");
  if (left.error?.message !== right.error?.message) differs.push("error");
  return differs;
}

function sideOf({ task, phases, attempts }: TaskTimeline, now: number): DifferenceSide {
  const last = phases.at(-1)!;
  const usage: Record<string, number> = {};
  for (const one of attempts) addUsage(usage, one);
  return {
    state: last.state,
    attempts: attempts.length,
    ms: task.openedAt > 0 ? Math.round(Math.max(0, (last.isOver ? last.at : now) - task.openedAt)) : 0,
    usage,
    ...(task.error && { error: task.error.message }),
  };
}

function runSide({ timeline }: Compared, now: number): RunDifference["left"] {
  const run = timeline.run!;
  return {
    run: run.run,
    type: run.submitted.type,
    status: run.end?.body.status ?? statusOf(run),
    ms: (run.end?.at ?? now) - run.submittedAt,
    tasks: run.tasks.size,
  };
}
