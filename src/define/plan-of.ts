import { findNonJson } from "../core/json.ts";
import type { Plan, PlannedTask } from "../core/plan.ts";

declare const outputType: unique symbol;
/** The same in every copy of this package: the one that a handler's module imports may be another. */
const mark = Symbol.for("tutti.plan");

/** What a handler returns to expand its task into children. `T` is the output of the whole. */
export class PlanOf<out T> {
  declare readonly [outputType]: T;
  readonly #plan: Plan | Draft;

  constructor(plan: Plan | Draft) {
    this.#plan = plan;
  }

  get [mark](): true {
    return true;
  }

  /** As it travels. */
  get wire(): Plan {
    return this.#plan instanceof Draft ? this.#plan.toWire() : this.#plan;
  }

  /** Its JSON text. */
  get text(): string {
    return this.#plan instanceof Draft ? this.#plan.toText() : JSON.stringify(this.#plan);
  }

  /** Each of its tasks has one of these. */
  get types(): ReadonlySet<string> {
    const { tasks } = this.#plan;
    return new Set(Iterator.from(tasks instanceof Map ? tasks.values() : Object.values(tasks)).map(({ type }) => type));
  }

  /** How many tasks it has. */
  get size(): number {
    const { tasks } = this.#plan;
    return tasks instanceof Map ? tasks.size : Object.keys(tasks).length;
  }

  /** Says where it is no JSON and why, or undefined if it is: only then it has a text. */
  findNonJson(): string | undefined {
    return this.#plan instanceof Draft && this.#plan.isJson ? undefined : findNonJson(this.wire);
  }
}

export const isPlan = (value: unknown): value is PlanOf<unknown> =>
  typeof value === "object" && value !== null && mark in value;

/**
 * A plan while its author places task after task. They are in a map: an object with thousands of fields takes twice as long
 * to fill, to go through and to write.
 */
export class Draft {
  readonly tasks = new Map<string, PlannedTask>();
  output: string | undefined;
  /** Whether all inputs are known to be JSON. */
  isJson = true;

  toWire(): Plan {
    const tasks = Object.fromEntries(this.tasks);
    return { v: 1, tasks, ...(this.output !== undefined && { output: this.output }) };
  }

  /** Keys are names, which stand in JSON as they are. */
  toText(): string {
    let tasks = "";
    for (const [key, task] of this.tasks) tasks += `${tasks && ","}"${key}":${JSON.stringify(task)}`;
    const output = this.output === undefined ? "" : `,"output":"${this.output}"`;
    return `{"v":1,"tasks":{${tasks}}${output}}`;
  }
}
