/** Fields in which a list of tasks may name each task's key, surest first. */
const KEY_FIELDS = ["key", "id", "name"] as const;

type Fields = { readonly [field: string]: unknown };

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * What models write in place of a plan, where only one plan can be meant: `{"plan": {…}}` around it, a list of tasks
 * that name their keys, `null` for a field that is left out. Everything else stays as it is, for the check to tell.
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
  // Two tasks of one key: one of them would be lost.
  return new Set(entries.map(([key]) => key)).size === entries.length ? Object.fromEntries(entries) : tasks;
}

/** An input may be null, and then means it. */
const withoutNulls = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([field, value]) => value !== null || field === "input"));
