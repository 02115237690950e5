import type { LimitEntry } from "../../core/limit-entry.ts";
import { parseRate } from "../../core/rate.ts";
import { limitKeyOf } from "../../fold/start.ts";
import type { TaskRecord } from "../../fold/task-record.ts";
import { entryKey } from "./limit-key.ts";
import type { LimitHead } from "./stored-limit.ts";

/** A limit that holds for a task, with what the task itself states of it. */
export interface TaskLimit {
  readonly id: string;
  readonly head: LimitHead;
  /** Stated by the plan; undefined: by an operator. */
  readonly stated: number | undefined;
}

/** The limits that operators have set, by what they limit. */
export class SetLimits {
  readonly #entries = new Map<string, LimitEntry>();

  /** Whether there is any. */
  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  /** Undefined: the entry is gone, or was not set by an operator. Returns whether that changes anything. */
  report(id: string, entry: LimitEntry | undefined): boolean {
    if (entry?.isSet) {
      const isNew = !this.#entries.has(id);
      this.#entries.set(id, entry);
      return isNew;
    }
    return this.#entries.delete(id);
  }

  /** Those that are set for this type, tenant or key. */
  *of(by: LimitEntry["by"], of: string, tenant?: string): Generator<TaskLimit> {
    for (const [id, entry] of this.#entries)
      if (entry.by === by && entry.tenant === tenant && entry.of === of) yield { id, head: entry, stated: undefined };
  }
}

/**
 * The limits of a task, in the order in which their permits are taken: those that concern the fewest tasks first, so that
 * a task which waits for one of them keeps no permit that others could use.
 */
export function limitsOf(task: TaskRecord, set: SetLimits): readonly TaskLimit[] {
  const key = keyOf(task);
  const { tenant } = task.run;
  if (set.isEmpty && key === undefined) return NONE;
  return [
    ...(key === undefined ? NONE : keyLimits(task, key, set)),
    ...set.of("tenant", tenant),
    ...set.of("type", task.spec.type),
  ];
}

const NONE: readonly TaskLimit[] = [];

/** What the task is limited by within its tenant, as a text; undefined: its plan states no limit. */
function keyOf(task: TaskRecord): string | undefined {
  const stated = limitKeyOf(task);
  if (!stated) return undefined;
  const key = stated.value ?? task.node!.answers?.[stated.text] ?? null;
  return typeof key === "string" ? key : JSON.stringify(key);
}

/** What an operator has set of a key counts in place of what plans state, for the concurrency and for the rate alike. */
function keyLimits({ node, run: { tenant } }: TaskRecord, of: string, set: SetLimits): TaskLimit[] {
  const { concurrency, rate } = node!.stated.limit!;
  const bySetting = [...set.of("key", of, tenant)];
  const limits = bySetting.filter(({ head }) => head.perMs === undefined);
  const rates = bySetting.filter(({ head }) => head.perMs !== undefined);
  const state = (most: number, perMs?: number): TaskLimit => {
    const head = { by: "key" as const, of, tenant, most, ...(perMs !== undefined && { perMs }) };
    return { id: entryKey(head), head, stated: most };
  };
  const parsed = rate === undefined ? undefined : parseRate(rate);
  if (limits.length === 0 && concurrency !== undefined) limits.push(state(concurrency));
  if (rates.length === 0 && parsed) rates.push(state(parsed.most, parsed.perMs));
  return [...limits, ...rates];
}
