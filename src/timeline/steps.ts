import type { RunEvent } from "../core/event.ts";
import type { RunStep, TaskStep } from "../core/run-step.ts";
import type { Effect } from "../fold/effects.ts";
import { NO_TASKS, type TaskRecord } from "../fold/task-record.ts";
import { phaseOf } from "../machines/run.ts";

type Changed = Effect & { kind: "changed" };

/** What one event of the log changed, and which change led to which. Linear in the tasks that it concerns. */
export function stepOf({ kind, sequence, at }: RunEvent, effects: readonly Effect[]): RunStep {
  const run: RunStep["run"] = [];
  const tasks: TaskStep[] = [];
  const earlier = new Set<TaskRecord>();
  for (const effect of effects) {
    if (effect.kind === "runChanged")
      run.push({ on: effect.on, from: phaseOf(effect.before), to: phaseOf(effect.after) });
    if (effect.kind !== "changed") continue;
    tasks.push(taskStepOf(effect, causeOf(effect, earlier)));
    earlier.add(effect.task);
  }
  return { sequence, at: new Date(at).toISOString(), event: kind, run, tasks };
}

function taskStepOf({ task, on, before, after }: Changed, cause: TaskRecord | undefined): TaskStep {
  const to = String(after.value);
  const grown = on === "planned" || on === "expand" ? task.children?.all.length : undefined;
  return {
    task: task.id,
    type: task.spec.type,
    on,
    from: String(before.value),
    to,
    attempt: after.context.attempt,
    ...(cause && { because: cause.id }),
    ...(task.error && !SUCCEEDING.has(on) && { error: task.error.message }),
    ...(grown !== undefined && { grown }),
  };
}

/** Events after which an error that the task has is of an earlier attempt. */
const SUCCEEDING: ReadonlySet<string> = new Set(["returned", "planned", "met", "ready", "backoffElapsed"]);

/** The task among those that changed before it by the same event, to which it stands closest: why it changed, too. */
function causeOf({ task, before }: Changed, earlier: ReadonlySet<TaskRecord>): TaskRecord | undefined {
  if (earlier.size === 0) return undefined;
  const find = (tasks: readonly TaskRecord[]) => tasks.find((one) => earlier.has(one));
  return (
    (before.value === "expanded" ? find(task.children?.all ?? NO_TASKS) : undefined) ??
    find(task.needs) ??
    find(task.dependents ?? NO_TASKS) ??
    (task.parent && earlier.has(task.parent) ? task.parent : undefined)
  );
}
