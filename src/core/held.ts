import { z } from "zod";
import { limitView } from "./limit-view.ts";
import { taskId } from "./names.ts";
import type { RunView } from "./run-view.ts";

/** The limit that holds a task back, and how full it is. */
export const holdingLimit = limitView.omit({ waiting: true, isSet: true });

/** A task that a limit keeps from the queue. Only the owner of its run knows: the log says no more than that an attempt is open. */
export const heldTask = z.object({ task: taskId, limit: holdingLimit });
export type HeldTask = z.output<typeof heldTask>;

/** The view, in which tasks that are held back say so. */
export function withHeld(view: RunView, held: readonly HeldTask[]): RunView {
  if (held.length === 0) return view;
  const limits = new Map(held.map(({ task, limit }) => [task, limit]));
  return {
    ...view,
    tasks: view.tasks.map((task) => {
      const limit = task.state === "ready" ? limits.get(task.task) : undefined;
      return limit ? { ...task, state: "held" as const, limit } : task;
    }),
  };
}

/** Whether it is worth asking: an attempt is open. */
export const mayBeHeld = ({ status, tasks }: RunView): boolean =>
  status === "running" && tasks.some(({ state }) => state === "ready");
