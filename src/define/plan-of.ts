import { findNonJson, type Json } from "../core/json.ts";
import type { Plan, PlannedTask } from "../core/plan.ts";
import type { Whole } from "./reference.ts";
import { References } from "./reference-proxy.ts";

declare const outputType: unique symbol;
/**
 * What tells a plan, in every copy of this package: the one that a handler's module imports may be another. It stands for
 * the members of this class, whose change would be another number.
 */
const mark = Symbol.for("tutti.plan.1");

/** What a handler returns to expand its task into children. `T` is the output of the whole. */
export class PlanOf<out T> {
  declare readonly [outputType]: T;
  /** As it travels, or as `plan()` has put it together. */
  readonly content: Plan | Draft;

  constructor(content: Plan | Draft) {
    this.content = content;
  }

  get [mark](): true {
    return true;
  }

  /** As it travels. */
  get wire(): Plan {
    return this.content instanceof Draft ? this.content.wire : this.content;
  }

  toJSON(): Plan {
    return this.wire;
  }

  /** Its JSON text. */
  get text(): string {
    return this.content instanceof Draft ? this.content.text : JSON.stringify(this.content);
  }

  /** The types of its tasks; plans inside have their own. */
  get types(): ReadonlySet<string> {
    const { tasks } = this.content;
    const all: Iterable<{ readonly type?: unknown }> = tasks instanceof Map ? tasks.values() : Object.values(tasks);
    const types = new Set<string>();
    for (const { type } of all) if (typeof type === "string") types.add(type);
    return types;
  }

  /** The version of the plan language that it is written in. */
  get version(): number {
    return Number((this.content as { readonly v?: unknown }).v ?? 1);
  }

  /** How many tasks it has. */
  get size(): number {
    const { tasks } = this.content;
    return tasks instanceof Map ? tasks.size : Object.keys(tasks).length;
  }

  /** Says where it is no JSON and why, or undefined if it is: only then it has a text. */
  findNonJson(): string | undefined {
    return this.content instanceof Draft ? this.content.findNonJson() : findNonJson(this.content);
  }
}

export const isPlan = (value: unknown): value is PlanOf<unknown> =>
  typeof value === "object" && value !== null && mark in value;

/** A task as it is written down: with words and options of version 2, once the plan has any. */
export type DraftTask = PlannedTask | { readonly [field: string]: Json };

/**
 * A plan while its author places task after task. They are in a map: an object with thousands of fields takes twice as long
 * to fill, to go through and to write.
 */
export class Draft implements Whole {
  readonly tasks = new Map<string, DraftTask>();
  readonly references = new References();
  readonly lookalikes = new Set<object>();
  output: string | { readonly [field: string]: Json } | undefined;
  join: Json | undefined;
  last: { readonly [field: string]: Json } | undefined;
  /** Whether all inputs are known to be JSON. */
  isJson = true;
  hasNewWords = false;

  /** Version 2 only where something in it needs that, so that every build reads all other plans. */
  get v(): 1 | 2 {
    return this.hasNewWords ? 2 : 1;
  }

  get wire(): Plan {
    const { v, output, join, last } = this;
    const plan = {
      v,
      tasks: Object.fromEntries(this.tasks),
      ...(output !== undefined && { output }),
      ...(join !== undefined && { join }),
      ...(last && { finally: last }),
    };
    return plan as Plan;
  }

  /** Keys are names, which stand in JSON as they are. */
  get text(): string {
    if (this.hasNewWords) return JSON.stringify(this.wire);
    let tasks = "";
    for (const [key, task] of this.tasks) tasks += `${tasks && ","}"${key}":${JSON.stringify(task)}`;
    const output = this.output === undefined ? "" : `,"output":"${this.output}"`;
    return `{"v":1,"tasks":{${tasks}}${output}}`;
  }

  /** Input by input: all else in it is, but for the words of version 2. */
  findNonJson(): string | undefined {
    if (this.isJson) return undefined;
    if (this.hasNewWords) return findNonJson(this.wire);
    for (const [key, { input }] of this.tasks) {
      const odd = input === undefined ? undefined : findNonJson(input);
      if (odd !== undefined) return odd.replace("$", `$.tasks.${key}.input`);
    }
    return undefined;
  }
}
