import { z } from "zod";
import type { Bucket, Message, ServiceDefinition } from "../bus/port.ts";
import { isBusError } from "../bus/port.ts";
import { invalid, messageOf, TuttiError } from "../core/error.ts";
import { VERSION } from "../core/event.ts";
import { shardOf } from "../core/hash.ts";
import { decodeJson, encodeJson } from "../core/json.ts";
import { name } from "../core/names.ts";
import { problemsOf } from "../core/problem.ts";
import { DEFAULT_TENANT } from "../core/request.ts";
import { type RunState, runKey } from "../fold/run-state.ts";
import { statusOf } from "../fold/view.ts";
import { answering } from "./gateway.ts";
import type { Host } from "./host.ts";
import { listRuns, readRun, viewRun } from "./run-reader.ts";
import { isSettled, settledQuery } from "./settled.ts";
import type { Shards } from "./shards.ts";

const tenant = name.default(DEFAULT_TENANT);
const whichRun = z.object({ run: name, tenant });

/** The requests of `api.<resource>.<verb>`, by resource and verb. */
export const QUERIES = {
  /** `tasks: false` leaves the tasks out: a run may have more of them than a message holds. */
  "runs.get": whichRun.extend({ tasks: z.boolean().default(true) }),
  "runs.list": z.object({ tenant, limit: z.int().min(1).max(10_000).default(50) }),
  "runs.cancel": whichRun.extend({ by: z.string().max(256).optional(), reason: z.string().max(2000).optional() }),
  "tasks.settled": settledQuery,
  "workers.list": z.object({}),
  "orchestrators.list": z.object({}),
  "types.list": z.object({}),
} as const;
export type QueryName = keyof typeof QUERIES;

export interface QueryContext {
  readonly host: Host;
  readonly shards: Shards;
  readonly workers: Bucket;
  readonly orchestrators: Bucket;
}

type Answers = { [Q in QueryName]: (context: QueryContext, query: z.output<(typeof QUERIES)[Q]>) => Promise<unknown> };

const answers: Answers = {
  async "runs.get"({ host }, query) {
    const view = await viewRun(host, await readRun(host, query.tenant, query.run));
    return query.tasks ? view : { ...view, tasks: [] };
  },
  "runs.list": (context, query) =>
    listRuns(context.host, query.tenant, query.limit, (run) => liveRun(context, query.tenant, run)),
  async "runs.cancel"({ host }, { tenant, run, by, reason }) {
    const { state, ended } = await readRun(host, tenant, run);
    if (ended) throw new TuttiError(409, `run ${run} has ended already: it ${ended.body.status}`, { run });
    const subject = host.topology.subjects.log(tenant, state.shard, run, "cancel");
    const body = { v: VERSION, ...(by !== undefined && { by }), ...(reason !== undefined && { reason }) };
    await host.bus.append(subject, encodeJson(body));
    return { run, status: "cancelling" };
  },
  async "tasks.settled"({ host, shards }, query) {
    const shard = shardOf(query.run, host.shards);
    const owner = shards.ownerOf(shard);
    if (owner) return { settled: await isSettled(owner, query) };
    const passedOn = encodeJson(query);
    const answer = await host.bus.request(host.topology.subjects.owner(shard), passedOn, { timeoutMs: 3000 });
    return decodeJson(answer.data);
  },
  "workers.list": ({ workers }) => readEntries(workers),
  "orchestrators.list": ({ orchestrators }) => readEntries(orchestrators),
  "types.list": async ({ host }) => host.types.list(),
};

function liveRun(context: QueryContext, tenant: string, run: string): RunState | undefined {
  const state = context.shards.ownerOf(shardOf(run, context.host.shards))?.runs.get(runKey(tenant, run));
  return state && statusOf(state) === "running" ? state : undefined;
}

async function readEntries(bucket: Bucket): Promise<unknown[]> {
  const entries = await bucket.entries();
  return entries.sort((a, b) => (a.key < b.key ? -1 : 1)).map((entry) => decodeJson(entry.value));
}

/** The micro service that answers the queries. */
export function queryEndpoints(context: QueryContext): ServiceDefinition["endpoints"] {
  const { subjects } = context.host.topology;
  return (Object.keys(QUERIES) as QueryName[]).map((query) => {
    const [resource, verb] = query.split(".") as [string, string];
    return {
      name: `${resource}-${verb}`,
      subject: subjects.api(resource, verb),
      handler: (message) => void answering(message, () => answer(context, query, message)),
    };
  });
}

/** What went wrong with asking the owner of a shard is not the caller's fault, and passes. */
function passing(error: unknown): unknown {
  return isBusError(error) ? new TuttiError(503, `the run's shard has no owner just now: ${error.message}`) : error;
}

async function answer<Q extends QueryName>(context: QueryContext, query: Q, message: Message): Promise<void> {
  const raw = message.data.length === 0 ? {} : parseBody(message.data);
  const parsed = QUERIES[query].safeParse(raw);
  if (!parsed.success) throw invalid(`${query} was asked wrongly`, problemsOf(parsed.error, raw));
  const answered = await answers[query](context, parsed.data as never).catch((error) => Promise.reject(passing(error)));
  const data = encodeJson(answered);
  try {
    message.respond(data);
  } catch (error) {
    if (!isBusError(error, "too-large")) throw error;
    throw new TuttiError(500, `the answer has ${data.length} bytes, more than a message holds; ask for less`);
  }
}

function parseBody(data: Uint8Array): unknown {
  try {
    return decodeJson(data);
  } catch (error) {
    throw invalid("the request is no JSON", [{ path: "", message: messageOf(error), expected: "JSON" }]);
  }
}
