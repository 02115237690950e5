/**
 * Writes the messages of the protocol as JSON Schemas into `schemas/`, one file each: `node
 * scripts/publish-schemas.ts`.
 *
 * The schemas describe what a reader accepts. Unknown fields are allowed where Tutti's own schemas allow them, since a
 * later version may add some; fields with a default may be left out; durations may be texts or numbers.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { z } from "zod";
import { approval } from "../src/core/approval.ts";
import { breakerEntry } from "../src/core/breaker-entry.ts";
import { claim } from "../src/core/claim.ts";
import { costView } from "../src/core/cost-view.ts";
import { deadLetter, deadRequest, deadTask, redriven } from "../src/core/dead-letter.ts";
import { DURATION_EXPECTED, duration } from "../src/core/duration.ts";
import { wireError } from "../src/core/error.ts";
import { EVENT_SCHEMAS, type EventKind, result, resultEvent } from "../src/core/event.ts";
import { explanation } from "../src/core/explanation.ts";
import { JOIN_RULES, join, joinDetails, share } from "../src/core/join.ts";
import { json } from "../src/core/json.ts";
import { limitEntry } from "../src/core/limit-entry.ts";
import { limitView } from "../src/core/limit-view.ts";
import { liveMessage } from "../src/core/live.ts";
import { NAME_PATTERN, name, ROOT, taskId } from "../src/core/names.ts";
import { plan } from "../src/core/plan.ts";
import {
  action,
  expression,
  fallback,
  pointer,
  REDUCE_WAYS,
  reduceDetails,
  WAITS,
  wait,
} from "../src/core/plan-options.ts";
import { innerPlan, plannedTaskV2, planV2, TASK_KINDS, tasksV2 } from "../src/core/plan-v2.ts";
import { rateEntry } from "../src/core/rate-entry.ts";
import { orchestratorPresence, typeRegistration, workerPresence } from "../src/core/registration.ts";
import { runDifference } from "../src/core/run-difference.ts";
import { runMoment, runStep } from "../src/core/run-step.ts";
import { runTraceAnswer } from "../src/core/run-trace.ts";
import { runSummary, runView } from "../src/core/run-view.ts";
import { serviceView } from "../src/core/service-view.ts";
import { checkpoint, leaseSettings, retentionSettings, shardSettings, tracedUpTo } from "../src/core/settings.ts";
import { taskMessage } from "../src/core/task-message.ts";
import { formatSchema } from "./format-schema.ts";

interface Published {
  readonly schema: z.ZodType;
  readonly description: string;
  /**
   * Parts that are named under `$defs`. A schema with such parts is written with {@link formatSchema}. Default: none.
   */
  readonly parts?: Readonly<Record<string, z.ZodType>>;
}

const oneResult = result.extend({ plan: plan.optional() });
const EVENT_DESCRIPTIONS: Record<EventKind, string> = {
  submitted: "The first event of every run: what is to be done, with everything resolved.",
  result: "Results of attempts of one run, committed together. A worker publishes it to <reply>.result.",
  planned: "An attempt returned a plan of version 2. A worker publishes it to <reply>.planned.",
  deferred: 'An attempt ended with "not now", which counts as none. A worker publishes it to <reply>.deferred.',
  lost: "A worker was lost with an attempt that it had, which another one is to execute.",
  replan: "A change of the plan of a task, as it was asked for when that had broken.",
  decided: "The answers to the expressions of tasks that were ready to start but for these.",
  signal: "What a task waits for, or will: it counts once, for the first wait that takes it.",
  answered: "What has come of a wait: a signal was taken or refused, a message came, another run has ended.",
  due: "A moment that the run was waiting for has come.",
  cancel: "Somebody wants the run to stop.",
  pause: "Nothing of a task and of what is below it is to start; the root, -, stands for the run.",
  resume: "The pause of a task is over.",
  mark: "A task that is not over ends as it is told from outside: exactly one of output, outputRef, skip and fail.",
  redrive: "A task that has failed its run is to be tried again.",
  ended: "The last event of every run; the first one counts, and after a redrive the next.",
  carried: "Stands for the earlier events of an unfinished run, which may go by age.",
};

/** The published schemas, by file name. */
const PUBLISHED: Readonly<Record<string, Published>> = {
  plan: { schema: plan, description: "What a task may return in place of a value: a graph of child tasks." },
  "plan-v2": {
    schema: planV2,
    description: "A plan of version 2. Objects in a template may be $ref, $outcome, $expr, $item, $index or $literal.",
    parts: {
      name,
      duration,
      pointer,
      expression,
      template: json,
      share,
      join,
      action,
      task: plannedTaskV2,
      tasks: tasksV2,
      plan: innerPlan,
    },
  },
  "task-message": { schema: taskMessage, description: "The body of a task message: one attempt of one task." },
  ...Object.fromEntries(
    Object.entries(EVENT_SCHEMAS).map(([kind, schema]) => [
      `event-${kind}`,
      {
        // The schema of the log does not check each result, so that an invalid one does not affect the others.
        schema: kind === "result" ? resultEvent.extend({ results: z.array(oneResult) }) : schema,
        description: EVENT_DESCRIPTIONS[kind as EventKind],
      },
    ]),
  ),
  result: { schema: oneResult, description: "What one attempt came to." },
  "type-registration": { schema: typeRegistration, description: "A task type, in the bucket `types` under its name." },
  "worker-presence": { schema: workerPresence, description: "A live worker, in the expiring bucket `workers`." },
  "orchestrator-presence": {
    schema: orchestratorPresence,
    description: "A live orchestrator, in the expiring bucket `orchestrators`.",
  },
  "limit-entry": { schema: limitEntry, description: "A limit and its permits, in the bucket `limits`." },
  "limit-view": { schema: limitView, description: "What `limits.list` says of a limit." },
  "cost-view": { schema: costView, description: "What `costs.list` says of a run, type, model or tenant." },
  "service-view": {
    schema: serviceView,
    description: "What `models.list` says of a model, or of another service behind a breaker.",
  },
  "breaker-entry": {
    schema: breakerEntry,
    description: "A circuit breaker, or a limit that an endpoint has stated, in the bucket `breakers`.",
  },
  "rate-entry": {
    schema: rateEntry,
    description: "What was used of an endpoint in each second of the last minute, in the bucket `rates`.",
  },
  claim: { schema: claim, description: "Who owns a shard, in the bucket `shards` under the shard's number." },
  "config-shards": { schema: shardSettings, description: "The entry `shards` of the bucket `config`." },
  "config-retention": { schema: retentionSettings, description: "The entry `retention` of the bucket `config`." },
  "config-lease": { schema: leaseSettings, description: "The entry `lease` of the bucket `config`." },
  "config-checkpoint": { schema: checkpoint, description: "The entry `checkpoint-<shard>` of the bucket `config`." },
  "config-traced": { schema: tracedUpTo, description: "The entry `traced-<shard>` of the bucket `config`." },
  "dead-task": {
    schema: deadTask,
    description: "What is stored of a task that has failed its run, in `TUTTI_DEAD`.",
  },
  "dead-request": {
    schema: deadRequest,
    description: "What is stored of a request that can never be started, in `TUTTI_DEAD`.",
  },
  "dead-letter": {
    schema: deadLetter,
    description: "A dead letter as `tutti dead show --json` prints it; without message and request, one of `dead ls`.",
  },
  redriven: { schema: redriven, description: "What a redrive came to, as `tutti dead redrive --json` prints it." },
  "live-message": {
    schema: liveMessage,
    description: "A report of a worker about attempts in progress; not stored, may be lost.",
  },
  "error-reply": { schema: z.object({ error: wireError }), description: "The body of a reply that is an error." },
  "run-view": { schema: runView, description: "A run with its tasks, as `tutti show --json` prints it." },
  approval: {
    schema: approval,
    description: "A task that waits for a signal, one of those `tutti approvals --json` prints.",
  },
  "run-step": {
    schema: runStep,
    description: "What one event of a run's log changed, as `tutti replay --json` prints it.",
  },
  "run-moment": {
    schema: runMoment,
    description: "A run as it stood after an event of its log, as `tutti replay --at N --json` prints it.",
  },
  explanation: { schema: explanation, description: "Why a run is as it is, as `tutti explain --json` prints it." },
  "run-trace": {
    schema: runTraceAnswer,
    description: "Where a run can be looked at, as `tutti show --trace` prints it.",
  },
  "run-difference": {
    schema: runDifference,
    description: "Two runs compared task by task, as `tutti diff --json` prints it.",
  },
  "run-summary": {
    schema: runSummary,
    description: "A run without its tasks, one of those `tutti runs --json` prints.",
  },
};

/** The content of every file, by its name in `schemas/`. */
export function publishSchemas(): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(PUBLISHED).map(([title, { schema, description, parts }]) => {
      const metadata = z.registry<{ id: string }>();
      for (const [id, part] of Object.entries(parts ?? {})) metadata.add(part, { id });
      const { $schema, ...shape } = z.toJSONSchema(schema, {
        io: "input",
        unrepresentable: "any",
        override: parts ? representBriefly : represent,
        metadata,
      });
      const published = { $schema, $id: `urn:tutti:v1:${title}`, title, description, ...shape };
      return [`${title}.json`, `${parts ? formatSchema(published) : JSON.stringify(published, null, 2)}\n`];
    }),
  );
}

const DURATION_TEXT = String.raw`^\s*(\d+(\.\d+)?|(\d+(\.\d+)?(ms|s|m|h|d))+)\s*$`;
const KEY = NAME_PATTERN.source.slice(1, -1);

/** Objects whose kind is determined by exactly one of these fields. */
const EXACTLY_ONE: ReadonlyMap<z.ZodType, readonly string[]> = new Map<z.ZodType, readonly string[]>([
  [plannedTaskV2, TASK_KINDS],
  [wait, WAITS],
  [joinDetails, JOIN_RULES],
  [reduceDetails, REDUCE_WAYS],
  [fallback, ["type", "value"]],
]);

/** Adds to a JSON Schema the rules that zod keeps in functions. */
function represent({
  zodSchema,
  jsonSchema,
}: {
  zodSchema: z.core.$ZodTypes;
  jsonSchema: z.core.JSONSchema.BaseSchema;
}): void {
  // `json` accepts any JSON, as the empty schema does. No other custom type may be published as the empty schema.
  if (zodSchema._zod.def.type === "custom" && zodSchema !== json) throw new Error("a custom type is not represented");
  if (zodSchema === duration) {
    delete jsonSchema.type;
    jsonSchema.description = DURATION_EXPECTED;
    jsonSchema.anyOf = [
      { type: "string", pattern: DURATION_TEXT },
      { type: "number", minimum: 0 },
    ];
  }
  if (zodSchema === taskId) jsonSchema.pattern = `^(${ROOT}|${KEY}(/${KEY})*)$`;
  if (zodSchema === oneResult)
    jsonSchema.oneOf = ["output", "outputRef", "plan", "planRef", "error"].map((field) => ({ required: [field] }));
  const choice = EXACTLY_ONE.get(zodSchema as unknown as z.ZodType);
  if (choice) jsonSchema.oneOf = choice.map((field) => ({ required: [field] }));
  // The limits of zod's integers are JavaScript's, and do not concern other languages.
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
}

/** As {@link represent}, without the redundant rule that field names are texts. */
function representBriefly(one: Parameters<typeof represent>[0]): void {
  represent(one);
  const { propertyNames } = one.jsonSchema;
  if (JSON.stringify(propertyNames) === '{"type":"string"}') delete one.jsonSchema.propertyNames;
}

if (import.meta.main) {
  const folder = new URL("../schemas/", import.meta.url);
  mkdirSync(folder, { recursive: true });
  const files = publishSchemas();
  for (const stale of readdirSync(folder)) if (!files.has(stale)) rmSync(new URL(stale, folder));
  for (const [name, text] of files) writeFileSync(new URL(name, folder), text);
  console.log(`schemas/: ${files.size} files`);
}
