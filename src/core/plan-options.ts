import { z } from "zod";
import { duration } from "./duration.ts";
import { exactObject } from "./exact-object.ts";
import { join } from "./join.ts";
import { json } from "./json.ts";
import { name, priority } from "./names.ts";
import { retry } from "./policy.ts";
import { tags } from "./tags.ts";

/** The schemas of what a task of a plan may say besides its kind and its input. */

/** An expression in CEL; it is read when the plan is checked. */
export const expression = z.string().min(1).max(2000);

const POINTER = /^(?:\/(?:[^~/]|~[01])*)*$/;
/** RFC 6901; empty for the whole. */
export const pointer = z
  .string()
  .regex(POINTER, { error: 'expected a JSON pointer such as "/score", or "" for all of it' });

/** Another task that is carried out for this one: in its place, to undo it, to tidy up. */
export const action = exactObject({
  type: name,
  /** A template. Default: an empty object. */
  input: json.optional(),
});

/** What takes a failure that retries have not: another task, or a value. */
export const fallback = exactObject({ type: name.optional(), input: json.optional(), value: json.optional() }).refine(
  ({ type, input, value }) =>
    (type === undefined) !== (value === undefined) && !(value !== undefined && input !== undefined),
  { error: "expected either type, with or without input, or value" },
);

const RATE = /^[1-9]\d{0,8}\/(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/;
const count = z.int().min(1);

const limit = exactObject({
  /** What is limited together: the tasks for which this gives the same value. */
  key: expression,
  /** Attempts at once. */
  concurrency: count.optional(),
  /** Attempts begun in any such time. */
  rate: z.string().regex(RATE, { error: 'expected a number and a time such as "100/1m"' }).optional(),
}).refine(({ concurrency, rate }) => concurrency !== undefined || rate !== undefined, {
  error: "expected concurrency, rate, or both",
});

const budget = exactObject({
  /** Of models, prompts and answers together. */
  tokens: count.optional(),
  /** In the currency in which usage is reported. */
  cost: z.number().positive().optional(),
  /** Tasks below this one. */
  tasks: count.optional(),
}).refine((stated) => Object.values(stated).some((one) => one !== undefined), {
  error: "expected at least one of tokens, cost, tasks",
});

/** The type that is asked for a change when the plan of a task breaks. */
const replan = z.union([name, exactObject({ type: name, times: count.max(100).optional() })], {
  error: "expected a task type, or an object with a type and times",
});

/** `retry` of version 1, and which failures it is for. */
const retryV2 = exactObject({
  ...retry.shape,
  /** Kinds or names of errors that are tried again: `retryable`, `terminal`, `timeout`, `RateLimited`. Default: `retryable`. Never a cancellation. */
  on: z.array(z.string().min(1).max(64)).min(1).optional(),
});

/** All options that have nothing to do with the kind of a task. Durations are milliseconds once parsed. */
export const options = {
  /** Siblings besides those that the input and expressions name. */
  needs: z.array(name).optional(),
  join: join.optional(),
  when: expression.optional(),
  retry: retryV2.optional(),
  /** For one attempt, from the start of its execution. */
  timeout: duration.optional(),
  /** For all attempts, from when the join is met. */
  deadline: duration.optional(),
  priority: priority.optional(),
  fallback: fallback.optional(),
  /** Whether its failure is neutral. Default: false. */
  optional: z.boolean().optional(),
  compensate: action.optional(),
  /** `key`: a template of what makes executions equal. Default: the input. */
  cache: exactObject({ for: duration, key: json.optional() }).optional(),
  limit: limit.optional(),
  budget: budget.optional(),
  replan: replan.optional(),
  /** `times`: the most executions in all. `every`: from the end of one to the start of the next. */
  repeat: exactObject({ until: expression, every: duration.optional(), times: count.max(1_000_000) }).optional(),
  /** What it is found by. */
  tags: tags.optional(),
};

export const REDUCERS = ["count", "sum", "stats", "collect", "concat", "merge"] as const;
export const REDUCE_WAYS = [...REDUCERS, "type"] as const;

/** What a map makes of its outputs, and of which part of each: a pointer. */
export const reduceDetails = exactObject({
  count: pointer.optional(),
  sum: pointer.optional(),
  stats: pointer.optional(),
  collect: pointer.optional(),
  concat: pointer.optional(),
  merge: pointer.optional(),
  /** A task that is given `{"items": […]}`, at most `width` of them, and returns one output for them, in a tree. */
  type: name.optional(),
  /** Default: 20. */
  width: z.int().min(2).max(10_000).optional(),
}).refine(
  (stated) =>
    REDUCE_WAYS.filter((way) => stated[way] !== undefined).length === 1 &&
    (stated.width === undefined || stated.type !== undefined),
  { error: `expected exactly one of ${[...REDUCERS, "type"].join(", ")}; width stands beside type` },
);

/** What a map makes of its outputs; a word alone is about all of each. */
export const reduce = z.union([z.enum(REDUCERS), reduceDetails], {
  error: `expected ${REDUCERS.join(", ")}, or an object of one of them, or of type and width`,
});

/** A task for each item of an array that is known when the plan runs. */
export const each = exactObject({
  /** A template of an array, or of an object of arrays of one length, which are zipped. */
  in: json,
  /** Items at once. Default: all. */
  concurrency: count.optional(),
  /** Items that a child is given at once, as an array. */
  batch: count.optional(),
  /** Where an item has a label that is unique. */
  key: pointer.optional(),
  /** When the items are enough. */
  join: join.optional(),
  reduce: reduce.optional(),
}).refine(({ batch, key }) => batch === undefined || key === undefined, {
  error: "expected key or batch, not both: a batch has no label",
});

export const WAITS = ["signal", "subject", "run", "for", "until"] as const;
/** Which fields stand beside what is waited for. */
const BESIDE: Readonly<Record<(typeof WAITS)[number], readonly string[]>> = {
  signal: ["ask", "schema", "from", "within"],
  subject: ["match", "within"],
  run: ["within"],
  for: [],
  until: [],
};

/** What a task waits for; no worker is needed. All but `signal`, `schema` and `match` may be templates. */
export const wait = exactObject({
  /** A signal of this name, or one that is sent to the task's path. */
  signal: name.optional(),
  /** What is asked, for whoever answers. */
  ask: json.optional(),
  /** The JSON Schema of an answer. */
  schema: z.union([z.boolean(), z.record(z.string(), json)], { error: "expected a JSON Schema" }).optional(),
  /** Who may answer. Default: anybody. */
  from: json.optional(),
  /** A message on this NATS subject. */
  subject: json.optional(),
  /** Which message: `message` is its content. */
  match: expression.optional(),
  /** The end of another run. */
  run: json.optional(),
  for: z
    .union([duration, z.record(z.string(), json)], {
      error: "expected a duration such as 30s or 3d, or a template of one",
    })
    .optional(),
  /** ISO 8601, or milliseconds since the epoch. */
  until: json.optional(),
  /** How long, from the beginning of the wait; what happens then is said by `fallback`. Default: for ever. */
  within: duration.optional(),
}).refine(
  (stated) => {
    const [one, ...others] = WAITS.filter((kind) => stated[kind] !== undefined);
    const fields = Object.entries(stated).filter(([, value]) => value !== undefined);
    return (
      one !== undefined &&
      others.length === 0 &&
      fields.every(([field]) => field === one || BESIDE[one].includes(field))
    );
  },
  {
    error:
      "expected exactly one of signal (with ask, schema, from, within), subject (with match, within), run (with within), for, until",
  },
);
