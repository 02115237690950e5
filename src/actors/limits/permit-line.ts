import { Fifo } from "../../bus/fifo.ts";
import { PRIORITIES, type Priority } from "../../core/names.ts";
import type { TaskRecord } from "../../fold/task-record.ts";
import { priorityOf } from "../dispatch/dispatcher.ts";

/** One of this many permits goes to a task of low priority, if one waits: it is late, and not for ever. */
export const LOW_TURN = 10;

/** Those of one tenant, by run, the one whose turn it is first. */
type Runs = Map<unknown, Fifo<TaskRecord>>;

/**
 * Tasks that wait for a permit of one limit. High priority comes before normal, normal before low, but for a stated share
 * of low; within a priority tenants take turns, and within a tenant runs.
 */
export class PermitLine {
  readonly #tenants: Readonly<Record<Priority, Map<string, Runs>>> = {
    high: new Map(),
    normal: new Map(),
    low: new Map(),
  };
  /** Permits since the last one that went to low priority. */
  #sinceLow = 0;
  length = 0;

  push(task: TaskRecord): void {
    const tenants = this.#tenants[priorityOf(task)];
    const { run } = task;
    const runs = tenants.get(run.tenant) ?? new Map<unknown, Fifo<TaskRecord>>();
    tenants.set(run.tenant, runs);
    const line = runs.get(run) ?? new Fifo<TaskRecord>();
    runs.set(run, line);
    line.push(task);
    this.length++;
  }

  /** The next in turn. */
  shift(): TaskRecord | undefined {
    const isLowDue = this.#sinceLow >= LOW_TURN - 1 && this.#tenants.low.size > 0;
    const priority = isLowDue ? "low" : PRIORITIES.find((one) => this.#tenants[one].size > 0);
    if (priority === undefined) return undefined;
    this.#sinceLow = priority === "low" ? 0 : this.#sinceLow + 1;
    this.length--;
    return shiftInTurn(
      this.#tenants[priority],
      (runs) =>
        shiftInTurn(
          runs,
          (line) => line.shift(),
          (line) => line.length === 0,
        ),
      (runs) => runs.size === 0,
    );
  }
}

/** Takes from the first of the groups, which becomes the last, or goes when it is empty. */
function shiftInTurn<K, G, T>(groups: Map<K, G>, shift: (group: G) => T, isEmpty: (group: G) => boolean): T {
  const [key, group] = groups.entries().next().value!;
  const taken = shift(group);
  groups.delete(key);
  if (!isEmpty(group)) groups.set(key, group);
  return taken;
}
