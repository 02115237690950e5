import { formatDuration } from "../core/duration.ts";
import type { TaskError } from "../core/error.ts";
import type { Answered, SentSignal } from "../core/event.ts";
import { kindOfWait } from "../core/wait.ts";
import type { RunState } from "./run-state.ts";
import type { Turn } from "./steps.ts";
import { attemptOf, type Output, stateOf, type TaskRecord } from "./task-record.ts";
import { failTask, stepTask } from "./tree.ts";
import { judge } from "./waiting.ts";
import { Waits } from "./waits.ts";

/** What the log says of waits: that a signal was sent, what has come of one, that a wait has taken as long as it may. */

export function applySignal(run: RunState, { data = null, dataRef, ...sent }: SentSignal, at: Place, turn: Turn): void {
  run.waits ??= new Waits();
  const content: Output = dataRef === undefined ? { value: data } : { ref: dataRef };
  const task = run.waits.take({ ...sent, sequence: at.sequence, content });
  if (task) judge(task, turn);
}
type Place = { readonly sequence: number };

/** Counts for a task that waits for it, once. */
export function applyAnswered(run: RunState, body: Answered, turn: Turn): void {
  const task = run.tasks.get(body.task);
  if (!task || stateOf(task) !== "awaiting" || attemptOf(task) !== body.attempt) return;
  if (body.signal !== undefined) return applyJudgement(task, body.signal, body.refused, turn);
  const { error, output = null, outputRef } = body;
  if (error) return failTask(task, "broken", turn, { error });
  take(task, outputRef === undefined ? { value: output } : { ref: outputRef }, turn);
}

function applyJudgement(task: TaskRecord, signal: number, refused: string | undefined, turn: Turn): void {
  const waits = task.run.waits!;
  const { candidate, endsAt } = waits.open.get(task)!;
  if (candidate?.sequence !== signal) return;
  if (refused === undefined) {
    waits.accept(task);
    return take(task, candidate.content, turn);
  }
  if (waits.refuse(task)) judge(task, turn);
  // Its time may have come while the signal was looked at.
  else if (endsAt > 0 && turn.at >= endsAt) expire(task, turn);
}

function take(task: TaskRecord, output: Output, turn: Turn): void {
  if (task.holders > 0) task.output = output;
  stepTask(task, "answered", turn);
}

/** A wait has taken as long as it may. A signal that came in time is looked at first. */
export function endWaitInTime(task: TaskRecord, turn: Turn): void {
  if (!task.run.waits!.open.get(task)!.candidate) expire(task, turn);
}

function expire(task: TaskRecord, turn: Turn): void {
  const stated = task.node!.stated.wait!;
  const kind = kindOfWait(stated);
  if (kind === "for" || kind === "until") return take(task, { value: null }, turn);
  const message = `${LACKING[kind]} came within ${formatDuration(stated.within!)}`;
  const error: TaskError = { kind: "terminal", name: "timeout", message };
  failTask(task, "broken", turn, { error });
}

const LACKING = { signal: "no signal", subject: "no message", run: "no end of the other run" } as const;
