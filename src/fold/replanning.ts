import type { Json } from "../core/json.ts";
import { REPLAN } from "../core/names.ts";
import { isPaused } from "./pauses.ts";
import { createTask } from "./planting.ts";
import { timesOf } from "./replan-limit.ts";
import type { Turn } from "./steps.ts";
import { isFinal, stateOf, type TaskRecord } from "./task-record.ts";
import { failTask, start } from "./tree.ts";

/** How a task whose plan has broken asks for a change of it. What is at work in the plan goes on, and nothing new starts. */

/** Asks for a change, by a task of its own, whose attempts go on counting. One that is paused starts when it is resumed. */
export function ask(task: TaskRecord, turn: Turn): void {
  const { replan } = task.node!.stated;
  const plan = task.children!.plan!;
  if (plan.replanner && !isFinal(plan.replanner)) return;
  task.run.hasReplanted = true;
  plan.replans++;
  const type = typeof replan === "string" ? replan : replan!.type;
  plan.replanner = createTask(task.run, task, REPLAN, { type, input: describeBreak(task) });
  // The owner reads its output, to append it.
  plan.replanner.holders = 1;
  if (!isPaused(plan.replanner)) start(plan.replanner, turn);
}

/** What is known of a plan that has broken, as a template: how its tasks stand is read when it is sent. */
function describeBreak({ id, error, failedAt = id, children }: TaskRecord): Json {
  const { checked, refused } = children!.plan!;
  const { kind, message, name } = error ?? { kind: "terminal", message: "no reason was given" };
  return {
    plan: { $literal: checked.plan as unknown as Json },
    failed: { $literal: { task: failedAt, kind, message, ...(name !== undefined && { name }) } },
    tasks: Object.fromEntries(checked.keys.map((key) => [key, { $outcome: key }])),
    input: { $ref: "#" },
    ...(refused !== undefined && { refused: { $literal: refused } }),
  };
}

/** The task that was asked has ended: its change counts once it has been read back. */
export function takeAnswer(task: TaskRecord, turn: Turn): void {
  if (stateOf(task) !== "replanning") return;
  const { replanner } = task.children!.plan!;
  if (stateOf(replanner!) === "succeeded") turn.effects.push({ kind: "replan", task });
  else giveUp(task, turn);
}

/** Asks once more, as long as that is allowed: the next is given why this change was refused. */
export function refuseChange(task: TaskRecord, why: string, turn: Turn): void {
  const plan = task.children!.plan!;
  plan.refused = why;
  if (plan.replans < timesOf(task)) ask(task, turn);
  else giveUp(task, turn);
}

/** The plan stays as it is, broken. */
function giveUp(task: TaskRecord, turn: Turn): void {
  task.children!.plan!.replans = Number.POSITIVE_INFINITY;
  failTask(task, "broken", turn, { error: task.error });
}
