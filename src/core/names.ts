import { z } from "zod";

/** What a type, a tenant, a run or a key may be called. They become tokens of NATS subjects, hence the narrow alphabet. */
export const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
export const NAME_EXPECTED = "1 to 64 characters of A-Z a-z 0-9 _ -, beginning with a letter or digit";

export const name = z.string().regex(NAME_PATTERN, { error: `expected ${NAME_EXPECTED}` });

export const isName = (value: unknown): value is string => typeof value === "string" && NAME_PATTERN.test(value);

/** Types that the owner of a run carries out itself. */
const OWNER_TYPES: readonly string[] = ["plan", "start"];
export const isOwnersType = (type: string): boolean => OWNER_TYPES.includes(type);

/**
 * A task is named by its path of keys in the tree: `part-3/translate`. The root, which has no key, is `-`.
 * Keys never begin with `-`, so the two cannot be confused.
 */
export const ROOT = "-";

export const childOf = (parent: string, key: string): string => (parent === ROOT ? key : `${parent}/${key}`);

export function parentOf(task: string): string | undefined {
  if (task === ROOT) return undefined;
  const slash = task.lastIndexOf("/");
  return slash < 0 ? ROOT : task.slice(0, slash);
}

export function keyOf(task: string): string {
  return task.slice(task.lastIndexOf("/") + 1);
}

/** The root is at depth 0. */
export function depthOf(task: string): number {
  if (task === ROOT) return 0;
  let depth = 1;
  for (const character of task) if (character === "/") depth++;
  return depth;
}

/** The keys of tasks that no plan names: what undoes the task above, and what the plan of the task above runs at the end. */
export const UNDO = "_undo";
export const FINALLY = "_finally";
/** What is asked for a change of the plan of the task above. */
export const REPLAN = "_replan";
/** What reduces the items of the map above. */
export const REDUCE = "_reduce";

const TASK_ID_PATTERN =
  /^(?:-|(?:[A-Za-z0-9][A-Za-z0-9_-]{0,63}|_undo|_finally|_replan|_reduce)(?:\/(?:[A-Za-z0-9][A-Za-z0-9_-]{0,63}|_undo|_finally|_replan|_reduce))*)$/;

export const taskId = z.string().regex(TASK_ID_PATTERN, { error: "expected - or a path of keys joined by /" });

export const isTaskId = (value: unknown): value is string => typeof value === "string" && TASK_ID_PATTERN.test(value);

export const PRIORITIES = ["high", "normal", "low"] as const;
export const priority = z.enum(PRIORITIES);
export type Priority = z.infer<typeof priority>;
