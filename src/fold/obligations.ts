import { isListenedFor } from "../core/wait.ts";
import type { Effect } from "./effects.ts";
import { isPaused } from "./pauses.ts";
import { withinAtOf } from "./plan-node.ts";
import type { RunState } from "./run-state.ts";
import { attemptOf, hasOpenAttempt, stateOf, type TaskRecord } from "./task-record.ts";

/** What the state of a run asks for, however it has come about: the effects that would bring the world in line with it. */
export function* obligationsOf(run: RunState): Generator<Effect> {
  const { snapshot } = run;
  if (snapshot.hasTag("settled")) yield { kind: "conclude", run };
  if (snapshot.hasTag("active") && run.deadline !== undefined && !isPaused(run.root))
    yield { kind: "arm", task: run.root, what: "deadline", at: run.deadline };
  for (const task of run.tasks.values()) {
    if (hasOpenAttempt(task)) yield { kind: isPaused(task) ? "hold" : "open", task, attempt: attemptOf(task) };
    else if (stateOf(task) === "checking") yield { kind: "decide", task, attempt: attemptOf(task) };
    else if (stateOf(task) === "deciding" && !run.heldDecisions?.has(task))
      yield { kind: "decide", task, attempt: attemptOf(task) };
    else if (stateOf(task) === "awaiting") yield* waitOf(task);
    else if (stateOf(task) === "replanning" && stateOf(task.children!.plan!.replanner!) === "succeeded")
      yield { kind: "replan", task };
    if (!isPaused(task)) yield* momentsOf(task);
  }
}

function* waitOf(task: TaskRecord): Generator<Effect> {
  const { awaited, candidate } = task.run.waits!.open.get(task)!;
  if (candidate) yield { kind: "judge", task, attempt: attemptOf(task) };
  if (isListenedFor(awaited)) yield { kind: "listen", task, attempt: attemptOf(task) };
}

/** The moments that a task waits for: each is to be reported by a `due`. */
export function* momentsOf(task: TaskRecord): Generator<Effect & { readonly kind: "arm" }> {
  if (task.node?.deadlineAt) yield { kind: "arm", task, what: "deadline", at: task.node.deadlineAt };
  if (withinAtOf(task) > 0) yield { kind: "arm", task, what: "within", at: withinAtOf(task) };
  if (stateOf(task) === "backingOff" || stateOf(task) === "resting")
    yield { kind: "arm", task, what: "backoff", at: task.dueAt };
}
