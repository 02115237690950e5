/** The fields in which a list of tasks may name each task's key, the most reliable first. */
const KEY_FIELDS = ["key", "id", "name"] as const;

type Fields = { readonly [field: string]: unknown };

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Normalizes common deviations of models that have only one meaning: `{"plan": {…}}` around the plan, a list of tasks
 * that name their keys, `null` for an omitted field. Anything else stays as it is, for the check to report.
 */
export function normalizePlan(answer: unknown): unknown {
  if (!isFields(answer)) return answer;
  if (!("tasks" in answer) && Object.keys(answer).length === 1 && isFields(answer.plan))
    return normalizePlan(answer.plan);
  const plan = withoutNulls(answer);
  return "tasks" in plan ? { ...plan, tasks: normalizeTasks(plan.tasks) } : plan;
}

function normalizeTasks(tasks: unknown): unknown {
  if (isFields(tasks))
    return Object.fromEntries(
      Object.entries(tasks).map(([key, task]) => [key, isFields(task) ? withoutNulls(task) : task]),
    );
  if (!Array.isArray(tasks) || !tasks.every(isFields)) return tasks;
  const keyField = KEY_FIELDS.find((field) => tasks.every((task) => typeof task[field] === "string"));
  if (!keyField) return tasks;
  const entries = tasks.map(({ [keyField]: key, ...task }) => [key as string, withoutNulls(task)] as const);
  // Of two tasks with one key, one would be lost.
  return new Set(entries.map(([key]) => key)).size === entries.length ? Object.fromEntries(entries) : tasks;
}

/** Removes fields that are null, except `input`, for which null is a value. */
const withoutNulls = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([field, value]) => value !== null || field === "input"));
