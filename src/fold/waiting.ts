import { type Awaited, isListenedFor } from "../core/wait.ts";
import type { Turn } from "./steps.ts";
import { attemptOf, type TaskRecord } from "./task-record.ts";
import { Waits } from "./waits.ts";

/** How waits begin and end within the tree: what a task's machine asks for when it comes to wait, and when it waits no more. */

export function beginWait(task: TaskRecord, awaited: Awaited, turn: Turn): void {
  const { run, node } = task;
  run.waits ??= new Waits();
  const takes = awaited.for ?? node!.stated.wait?.within;
  const endsAt = awaited.until === undefined ? (takes === undefined ? 0 : turn.at + takes) : Math.max(1, awaited.until);
  if (run.waits.begin(task, { awaited, since: turn.at, endsAt })) judge(task, turn);
  if (isListenedFor(awaited)) turn.effects.push({ kind: "listen", task, attempt: attemptOf(task) });
  if (endsAt > 0) turn.effects.push({ kind: "arm", task, what: "within", at: endsAt });
}

export function endWait(task: TaskRecord, turn: Turn): void {
  const { open } = task.run.waits!;
  const { awaited, endsAt } = open.get(task)!;
  if (endsAt > 0) turn.effects.push({ kind: "disarm", task, what: "within" });
  if (isListenedFor(awaited)) turn.effects.push({ kind: "unlisten", task });
  // A signal that was not looked at is not lost: another wait may take it.
  const next = task.run.waits!.end(task);
  if (next) judge(next, turn);
}

/** The task has a signal to look at. */
export function judge(task: TaskRecord, turn: Turn): void {
  turn.effects.push({ kind: "judge", task, attempt: attemptOf(task) });
}

/** Whether the task is to start another run, which the owner does. */
export const startsRun = ({ node }: TaskRecord): boolean =>
  node?.stated.type === "start" && !node.stated.each && !node.hasFallenBack;
