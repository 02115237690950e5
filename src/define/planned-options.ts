import type { z } from "zod";
import type { Duration } from "../core/duration.ts";
import type { join } from "../core/join.ts";
import type { OptionNames } from "../core/option-names.ts";
import type { each } from "../core/plan-options.ts";
import { POLICY_OPTIONS, type PolicyInput, type RetryInput } from "../core/policy.ts";
import type { Outcome } from "./planned-types.ts";
import type { Out, Ref } from "./reference.ts";
import type { Task } from "./task.ts";
import type { Expression } from "./words.ts";

/** The handle of a task in a plan, whatever the task returns. */
export interface AnyTaskHandle {
  readonly key: string;
  readonly output: Ref<unknown>;
  readonly outcome: Ref<unknown>;
}

/**
 * The handle of a task in a plan. `output` refers to what the task will return: use it, or a field of it, in another
 * task's input. It has no value yet, so nothing can be decided by it here.
 *
 * @example
 * ```ts
 * const summary: TaskHandle<{ text: string }> = p.task(summarize, { document });
 * return p.task(print, { line: summary.output.text });
 * ```
 */
export interface TaskHandle<T> extends AnyTaskHandle {
  readonly output: Out<T>;
  /** How it has come out: for tasks that start whatever became of this one. */
  readonly outcome: Out<Outcome<T>>;
}

/** A condition or a key in CEL: as a text, or written with references (`cel`). */
export type Condition = string | Expression;
/** When tasks are enough: `all`, `settled`, `any`, `{ quorum: "95%", within: "30s" }`, … */
export type JoinInput = z.input<typeof join>;
type EachInput = z.input<typeof each>;

/** A function of the output of the task itself. As a method, so that options that name no output fit every task. */
type OfOutput<T, R> = { of(output: Out<T>): R }["of"];

/** Another task, in place of one, after it, or to undo it. */
export interface PlannedAction {
  readonly type: Task | string;
  readonly input?: unknown;
}

/**
 * How one task of a plan differs from its type's defaults. All but `key`, `needs` and the policy make it a plan of version 2.
 *
 * Not carried out by this version yet, and refused by `plan()` (400): `cache`.
 */
export interface PlannedTaskOptions<T = unknown> extends PolicyInput {
  /** Unique in the plan and the same whenever the plan is made again. Default: the type, then `type-2`, `type-3`, … */
  readonly key?: string;
  /** Tasks that must be over first although the input does not refer to them. */
  readonly needs?: readonly AnyTaskHandle[];
  /** When what it needs is enough. Default: all of it has succeeded. */
  readonly join?: JoinInput;
  /** Without it, the task is skipped. */
  readonly when?: Condition;
  /** `on`: kinds or names of the errors that are tried again. Default: `retryable`. */
  readonly retry?: RetryInput & { readonly on?: readonly string[] };
  /** For all attempts, from when the join is met. Default: none. */
  readonly deadline?: Duration;
  /** What takes its failure, when retries have not. */
  readonly fallback?: PlannedAction | { readonly value: unknown };
  /** Whether its failure is neutral. Default: false. */
  readonly optional?: boolean;
  /** Undoes it; its own output may be in the input. */
  readonly compensate?: PlannedAction | OfOutput<T, PlannedAction>;
  /** How long a result is used again for an equal `key`. Default key: the input. */
  readonly cache?: { readonly for: Duration; readonly key?: unknown };
  /** What is limited together has the same key. At least one of `concurrency` and `rate` (`"100/1m"`). */
  readonly limit?: { readonly key: Condition; readonly concurrency?: number; readonly rate?: string };
  /** What this task and all below it may use. */
  readonly budget?: { readonly tokens?: number; readonly cost?: number; readonly tasks?: number };
  /** The type that is asked for a change when the plan of this task breaks. */
  readonly replan?: Task | string | { readonly type: Task | string; readonly times?: number };
  /** Again and again, at most so many times, `every` so often, until its output is right. */
  readonly repeat?: {
    readonly until: Condition | OfOutput<T, Expression>;
    readonly every?: Duration;
    readonly times: number;
  };
  /** What it is found by. */
  readonly tags?: readonly string[];
}

export const PLANNED_OPTIONS: OptionNames<PlannedTaskOptions> = {
  key: true,
  needs: true,
  ...POLICY_OPTIONS,
  retry: { ...(POLICY_OPTIONS.retry as object), on: true } as OptionNames<PlannedTaskOptions>["retry"],
  join: true,
  when: true,
  deadline: true,
  fallback: true,
  optional: true,
  compensate: true,
  cache: { for: true, key: true },
  limit: { key: true, concurrency: true, rate: true },
  budget: { tokens: true, cost: true, tasks: true },
  replan: true,
  repeat: { until: true, every: true, times: true },
  tags: true,
};
/** Options that a plan of version 1 has too. */
export const OLD_OPTIONS: readonly string[] = ["key", "needs", "retry", "timeout", "priority"];

/** How a map goes over its items. */
export interface EachOptions {
  /** Items at once. Default: all. */
  readonly concurrency?: number;
  /** Items that a child is given at once, as an array; it returns one output for them. */
  readonly batch?: number;
  /** A JSON pointer to a label of each item that is unique: by it people find the item in `tutti show`. */
  readonly key?: string;
  /** When the items are enough. Default: all have succeeded. */
  readonly join?: JoinInput;
  /** What the outputs come to: a word, a word with a JSON pointer, or a task type that combines at most `width` of them. */
  readonly reduce?: Exclude<EachInput["reduce"], { type?: unknown }> | Reduction;
}
export type Reduction =
  | { readonly [W in "count" | "sum" | "stats" | "collect" | "concat" | "merge"]?: string }
  | { readonly type: Task | string; readonly width?: number };

/** What a task without a worker waits for. */
export type WaitFor<S extends z.ZodType> =
  | {
      /** A signal of this name. */
      readonly signal: string;
      /** What is asked, for people. */
      readonly ask?: unknown;
      /** What an answer must be. */
      readonly schema?: S;
      /** Who may answer. Default: anybody. */
      readonly from?: readonly string[] | Ref<readonly string[]>;
      readonly within?: Duration;
    }
  | { readonly subject: string | Ref<string>; readonly match?: Condition; readonly within?: Duration }
  | { readonly run: string | Ref<string>; readonly within?: Duration }
  | { readonly for: Duration | Ref<Duration> }
  | { readonly until: string | number | Ref<string | number> };
