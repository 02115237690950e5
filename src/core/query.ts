import { z } from "zod";
import { marking } from "./control-event.ts";
import { COSTS_BY } from "./cost-view.ts";
import { moment } from "./event.ts";
import { json } from "./json.ts";
import { name, ROOT, taskId } from "./names.ts";
import { DEFAULT_TENANT } from "./request.ts";
import { tag } from "./tags.ts";

const tenant = name.default(DEFAULT_TENANT);
const whichRun = z.object({ run: name, tenant });
/** Who asks, and why, for the log. */
const asked = { by: z.string().max(256).optional(), reason: z.string().max(2000).optional() };
const whichLetter = z.object({ id: z.string().max(100), tenant });

const whichLimit = z.object({ limit: z.string().max(512), tenant });

/** Asks whether an attempt still matters. */
export const settledQuery = z.object({
  run: name,
  tenant,
  task: taskId,
  attempt: z.int().min(1),
  /** The worker that asks, and executes it next if it is not settled: so that it is known if that is lost. */
  worker: name.optional(),
  /** It will execute nothing else meanwhile. */
  alone: z.boolean().optional(),
});
export type SettledQuery = z.output<typeof settledQuery>;

export const signalFields = {
  run: name,
  tenant,
  /** The path of the task that waits, or the name that it waits for. */
  to: taskId,
  /** Default: null. */
  data: json.optional(),
  /** Who sends it. */
  by: z.string().min(1).max(256).optional(),
} as const;

/** Sends a signal to a run. */
export const signalQuery = z.object({
  ...signalFields,
  /** Repeated with the same id, it counts once. Default: a new one. */
  id: name.optional(),
});
export type SignalQuery = z.output<typeof signalQuery>;
/** The answer: what is settled needs no execution, and what another worker has in execution needs none now. */
export interface AttemptStatus {
  readonly settled: boolean;
  readonly heldBy?: string;
}

/** What a worker answers on the subject `inquiries` of its presence. */
export const held = z.object({
  v: z.literal(1),
  /** The subjects of the task messages that it has taken and not ended; absent when they are too many to tell. */
  held: z.array(z.string()).optional(),
});
export type Held = z.output<typeof held>;

/** The requests of `api.<resource>.<verb>`, by resource and verb. */
export const QUERIES = {
  /** `tasks: false` leaves the tasks out: a run may have more of them than a message holds. */
  "runs.get": whichRun.extend({ tasks: z.boolean().default(true) }),
  /** With `tag`, only runs that have it. */
  "runs.list": z.object({ tenant, limit: z.int().min(1).max(1000).default(50), tag: tag.optional() }),
  /** `task`: only that one, and what is below it. */
  "runs.cancel": whichRun.extend({ task: taskId.optional(), ...asked }),
  "runs.pause": whichRun.extend({ task: taskId.default(ROOT), ...asked }),
  "runs.resume": whichRun.extend({ task: taskId.default(ROOT), ...asked }),
  "runs.mark": whichRun.extend({ task: taskId, ...marking, fail: z.string().min(1).max(2000).optional(), ...asked }),
  "runs.signal": signalQuery,
  "approvals.list": z.object({ tenant, limit: z.int().min(1).max(1000).default(50) }),
  /** What each event of the run's log changed. */
  "runs.steps": whichRun,
  /** The run as it stood after the event `at` (a sequence of the log), or at the time `until`. Default: after its last one. */
  "runs.replay": whichRun.extend({
    at: z.int().min(1).optional(),
    until: moment.optional(),
    tasks: z.boolean().default(true),
  }),
  "runs.explain": whichRun,
  /** The run's trace; of a run that goes on, a snapshot. */
  "runs.trace": whichRun,
  /** Compares `run` with `other`. */
  "runs.diff": whichRun.extend({ other: name }),
  "dead.list": z.object({ tenant, limit: z.int().min(1).max(1000).default(50) }),
  "dead.get": whichLetter,
  "dead.redrive": whichLetter.extend({ attempt: z.int().min(1).optional(), ...asked }),
  "dead.drop": whichLetter,
  "tasks.settled": settledQuery,
  "workers.list": z.object({}),
  "models.list": z.object({}),
  /** `since`: a duration before now, or a time. */
  "costs.list": z.object({ tenant, by: z.enum(COSTS_BY).default("model"), since: z.string().max(100).optional() }),
  "orchestrators.list": z.object({}),
  "types.list": z.object({}),
  /** Which tasks of a run in progress limits hold back: the first thousand. */
  "runs.held": whichRun,
  "limits.list": z.object({}),
  /** `limit`: `type:<type>`, `tenant:<tenant>` or `key:<key>`, which is one of the tenant's. */
  "limits.set": whichLimit
    .extend({ concurrency: z.int().min(1).optional(), rate: z.string().max(64).optional() })
    .refine(({ concurrency, rate }) => concurrency !== undefined || rate !== undefined, {
      error: "expected concurrency, rate, or both",
    }),
  "limits.remove": whichLimit,
} as const;
export type QueryName = keyof typeof QUERIES;
