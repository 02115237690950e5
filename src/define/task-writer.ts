import { TuttiError } from "../core/error.ts";
import type { Json } from "../core/json.ts";
import { isName } from "../core/names.ts";
import { meantDelay, type Policy, policy } from "../core/policy.ts";
import { describeProblems, problemsOf, show } from "../core/problem.ts";
import type { Draft } from "./plan-of.ts";
import { PlannedHandle } from "./planned-handle.ts";
import { type Condition, OLD_OPTIONS, type PlannedAction, type PlannedTaskOptions } from "./planned-options.ts";
import { type Out, referenceTaker, toWire } from "./reference.ts";
import type { Task } from "./task.ts";
import { Expression } from "./words.ts";

type Written = { [field: string]: Json };

/** The name of a type, or of a contract's. `where` it stands is for the message. */
export function nameOf(type: Task | string, where: string): string {
  const name = typeof type === "string" ? type : type?.type;
  if (isName(name)) return name;
  throw new TuttiError(400, `plan: ${where}: expected a contract or the name of a task type, received ${show(type)}`);
}

/** Writes down the options of tasks. */
export class TaskWriter {
  readonly #draft: Draft;

  constructor(draft: Draft) {
    this.#draft = draft;
  }

  /** `own` is the policy of the task's type, and what is written where nothing more is stated. */
  writeOptions(handle: PlannedHandle, own: Policy, options: PlannedTaskOptions): Written | Policy {
    const { key } = handle;
    const needs = options.needs?.length ? options.needs.map((one) => this.#keyOf(one, key)) : undefined;
    const stated = statedPolicy(key, own, options);
    const on = options.retry?.on;
    const isNew = on ? true : hasNewOption(options);
    // Most tasks of a large plan state a key only.
    if (!needs && !isNew) return stated;
    const written: Written = needs ? { needs } : {};
    Object.assign(written, stated);
    if (!isNew) return written;
    if (on) written.retry = { ...(written.retry as Written | undefined), on };
    this.#draft.hasNewWords = true;
    return Object.assign(written, this.#writeNew(handle, options));
  }

  writeCondition(condition: Condition): string {
    return condition instanceof Expression ? condition.write(referenceTaker(this.#draft)) : condition;
  }

  #writeNew(handle: PlannedHandle, options: PlannedTaskOptions): Written {
    const { join, when, deadline, fallback, optional, compensate, cache, limit, budget, replan, repeat, tags } =
      options;
    const own = () => handle.output as Out<never>;
    const until = typeof repeat?.until === "function" ? repeat.until(own()) : repeat?.until;
    return drop({
      join,
      when: when && this.writeCondition(when),
      deadline,
      fallback:
        fallback && ("value" in fallback ? this.#write({ value: fallback.value }) : this.#writeAction(fallback)),
      optional,
      compensate: compensate && this.#writeAction(typeof compensate === "function" ? compensate(own()) : compensate),
      cache: cache && this.#write(cache),
      limit: limit && { ...drop(limit), key: this.writeCondition(limit.key) },
      budget: budget && drop(budget),
      replan: replan && writeReplan(replan),
      repeat: repeat && { ...drop({ every: repeat.every, times: repeat.times }), until: this.writeCondition(until!) },
      tags: tags && [...tags],
    });
  }

  #writeAction({ type, input }: PlannedAction): Json {
    const written = this.#write(input);
    return { type: nameOf(type, "an action"), ...(written !== undefined && { input: written }) };
  }

  #write(value: unknown): Json {
    return toWire(value, this.#draft) as Json;
  }

  /** The key of a task that another one needs. */
  #keyOf(needed: unknown, key: string): string {
    if (needed instanceof PlannedHandle && needed.isOf(this.#draft)) return needed.key;
    const received = needed instanceof PlannedHandle ? `the task ${needed.key} of another plan` : describe(needed);
    throw new TuttiError(
      400,
      `plan key ${JSON.stringify(key)}: expected needs to be tasks placed with p.task(), received ${received}`,
      { path: `/tasks/${key}/needs` },
    );
  }
}

function writeReplan(replan: NonNullable<PlannedTaskOptions["replan"]>): Json {
  if (typeof replan === "string" || !("times" in replan || typeof replan.type !== "string"))
    return nameOf(replan as Task | string, "replan");
  const { type, times } = replan as { type: Task | string; times?: number };
  return { type: nameOf(type, "replan"), ...(times !== undefined && { times }) };
}

/** Whether an option is stated that only a plan of version 2 has. */
function hasNewOption(options: PlannedTaskOptions): boolean {
  for (const name in options)
    if (!OLD_OPTIONS.includes(name) && options[name as keyof PlannedTaskOptions] !== undefined) return true;
  return false;
}

/** Without the fields that state nothing. */
const drop = (fields: object): Written =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

/** What the author states, field by field over the type's own. */
function statedPolicy(key: string, own: Policy, { retry, timeout, priority }: PlannedTaskOptions): Policy {
  if (retry === undefined && timeout === undefined && priority === undefined) return own;
  const { on: _, ...retries } = retry ?? {};
  const stated = {
    ...own,
    ...(retry && { retry: { ...own.retry, ...retries } }),
    ...(timeout !== undefined && { timeout }),
    ...(priority && { priority }),
  };
  const parsed = policy.safeParse(stated);
  if (parsed.success) return meantDelay(parsed.data);
  const problems = problemsOf(parsed.error, stated);
  throw new TuttiError(400, `plan key ${JSON.stringify(key)}: ${describeProblems(problems)}`, {
    path: `/tasks/${key}`,
  });
}

export function describe(value: unknown): string {
  if (value instanceof Promise) return "a promise";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" && value !== null ? "an object that is none of them" : String(value);
}
