import type { TaskError } from "../core/error.ts";
import { addSums, costOf, type Sums, tokensOf } from "../core/usage-sums.ts";
import { isOfTheEnd, type TaskRecord } from "./task-record.ts";

/**
 * What tasks have used, added up along the tree, and the budgets that bound it. A budget admits a task as long as what was
 * reported leaves something of it, so that it is exceeded by no more than what is at work then; tasks are counted when they
 * are planted. What was used stays used: a redrive does not refill it.
 */

export type Budgeted = "tokens" | "cost" | "tasks";

/** A part of a budget: what it allows, and what has been used of it. */
export interface BudgetUse {
  readonly what: Budgeted;
  readonly limit: number;
  readonly used: number;
}

/** Takes note of what an attempt reports. */
export function noteUsage(task: TaskRecord, usage: { readonly [name: string]: unknown } | undefined): void {
  if (!usage) return;
  const { run } = task;
  run.usage ??= new Map();
  for (let above: TaskRecord | undefined = task; above; above = above.parent) {
    const sums: Sums = run.usage.get(above) ?? {};
    addSums(sums, usage);
    run.usage.set(above, sums);
  }
}

/** Takes note of tasks that were planted below a task, for the budgets that count them. */
export function notePlanted(task: TaskRecord, count: number): void {
  const { run } = task;
  for (let above: TaskRecord | undefined = task; above; above = above.parent) {
    if (above.node?.stated.budget?.tasks === undefined) continue;
    run.planted ??= new Map();
    run.planted.set(above, (run.planted.get(above) ?? 0) + count);
  }
}

/** The budget of a task, part by part; none where it states none. */
export function budgetOf(task: TaskRecord): BudgetUse[] {
  const { tokens, cost, tasks } = task.node?.stated.budget ?? {};
  const sums = task.run.usage?.get(task) ?? {};
  return [
    ...(tokens === undefined ? [] : [{ what: "tokens", limit: tokens, used: tokensOf(sums) } as const]),
    ...(cost === undefined ? [] : [{ what: "cost", limit: cost, used: costOf(sums) } as const]),
    ...(tasks === undefined ? [] : [{ what: "tasks", limit: tasks, used: task.run.planted?.get(task) ?? 0 } as const]),
  ];
}

/**
 * Why budgets do not let a task start, its own or one above; undefined where they do. `count`: how many tasks it would
 * plant. What undoes and tidies up is bound by none.
 */
export function findRefusal(task: TaskRecord, count: number | undefined): TaskError | undefined {
  for (let above: TaskRecord | undefined = task; above; above = above.parent) {
    if (isOfTheEnd(above)) return undefined;
    for (const { what, limit, used } of budgetOf(above)) {
      const asked = what === "tasks" ? (count ?? 0) : 0;
      const isSpent = what === "tasks" ? used + asked > limit : count === undefined && used >= limit;
      if (isSpent) return refuse(`${describe(above)} allows ${format(what, limit)}`, format(what, used), asked);
    }
  }
  return undefined;
}

const refuse = (allows: string, used: string, asked: number): TaskError => {
  const more = asked > 0 ? `, and ${asked} more were asked for` : "";
  return { kind: "terminal", name: "budget", message: `the budget of ${allows}: ${used} were used${more}` };
};

const describe = ({ id }: TaskRecord): string => `task ${id}`;

/** `cost` is in the currency in which usage is reported. */
const format = (what: Budgeted, amount: number): string =>
  what === "cost" ? `a cost of ${amount}` : `${amount} ${what}`;
