import type { CheckedPlanV2 } from "../core/checked-plan.ts";
import type { Replan } from "../core/event.ts";
import { depthOf } from "../core/names.ts";
import { type PlanChange, readChange } from "../core/plan-change.ts";
import { describeProblems } from "../core/problem.ts";
import { notePlanted } from "./budget.ts";
import { begin } from "./pass-on.ts";
import { judgeNeeds, judgePlan } from "./plan-node.ts";
import { plantV2 } from "./planting.ts";
import { refuseChange } from "./replanning.ts";
import { recount, reset } from "./revival.ts";
import type { RunState } from "./run-state.ts";
import type { Turn } from "./steps.ts";
import { attemptOf, isFinal, stateOf, type TaskRecord } from "./task-record.ts";
import { breakBy, endTask, stepTask } from "./tree.ts";

/** Counts for a task that waits for it, once: its plan is changed, or the change is refused. */
export function applyReplan(run: RunState, { task: id, attempt, change, error }: Replan, turn: Turn): void {
  const task = run.tasks.get(id);
  if (!task || stateOf(task) !== "replanning") return;
  const plan = task.children!.plan!;
  if (!isFinal(plan.replanner!) || attemptOf(plan.replanner!) !== attempt) return;
  if (change === undefined) return refuseChange(task, error ?? "there is no change", turn);
  const read = readChange(plan.checked, change, depthOf(id), (key) => isSettled(task, key));
  if ("problems" in read) return refuseChange(task, describeProblems(read.problems), turn);
  changePlan(task, read, turn);
}

/** Whether a child is at work, or has done its work. */
function isSettled({ children }: TaskRecord, key: string): boolean {
  const child = children!.all.find((one) => one.key === key);
  if (!child) return false;
  const state = stateOf(child);
  return state === "succeeded" || (state !== "blocked" && !isFinal(child));
}

function changePlan(task: TaskRecord, { checked, changed }: PlanChange, turn: Turn): void {
  const { all, plan } = task.children!;
  const kept = new Map(all.filter(({ key }) => !changed.has(key)).map((child) => [child.key, child]));
  for (const child of all) if (changed.has(child.key)) stepTask(child, "cancel", turn);
  graft(task, checked, kept);
  Object.assign(task.children!.plan!, { replans: plan!.replans, replanner: plan!.replanner, order: plan!.order });
  for (const child of kept.values()) if (wasTaken(child)) revive(child, turn);
  recount(task);
  task.error = undefined;
  task.failedAt = undefined;
  stepTask(task, "changed", turn);
  for (const child of task.children!.all) goOn(child, turn);
  if (stateOf(task) === "expanded") conclude(task, turn);
}

function graft(task: TaskRecord, checked: CheckedPlanV2, kept: ReadonlyMap<string, TaskRecord>): void {
  task.run.hasReplanted = true;
  notePlanted(task, checked.keys.length - kept.size);
  plantV2(task, checked, kept);
}

/** Whether a child has ended without having begun, since others had failed: it waits again. */
const wasTaken = (child: TaskRecord): boolean =>
  child.openedAt === 0 && ["failed", "cancelled", "abandoned"].includes(stateOf(child));

function revive(child: TaskRecord, turn: Turn): void {
  reset(child);
  stepTask(child, "needsRedriven", turn);
}

const hasFailed = (task: TaskRecord): boolean => stateOf(task) === "failed" || stateOf(task) === "cancelled";

function goOn(child: TaskRecord, turn: Turn): void {
  if (stateOf(child) !== "blocked") return;
  const verdict = judgeNeeds(child);
  if (verdict === "met") begin(child, turn);
  else if (verdict === "skipped") stepTask(child, "skip", turn);
  else if (verdict === "broken") breakBy(child, child.needs.find(hasFailed)!, turn);
}

/** The plan may be met by what has ended meanwhile, or broken as it was. */
function conclude(task: TaskRecord, turn: Turn): void {
  const { all, plan } = task.children!;
  const verdict = judgePlan(plan!);
  const failed = all.filter(
    (child) => ["failed", "cancelled"].includes(stateOf(child)) && !child.node!.stated.optional,
  );
  const culprit = failed.find(({ node }) => node!.breaks) ?? (verdict === "broken" ? failed.at(-1) : undefined);
  if (culprit) breakBy(task, culprit, turn);
  else if (verdict === "met") endTask(task, "met", turn);
  else if (verdict === "skipped") endTask(task, "skip", turn);
}
