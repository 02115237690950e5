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
import { dropDeadLetter, getDeadLetter, listDeadLetters, redriveDeadLetter } from "./dead-queries.ts";
import { answering } from "./gateway.ts";
import type { Host } from "./host.ts";
import { readEnd } from "./run-ends.ts";
import { listRuns } from "./run-list.ts";
import { notFound, readRun, viewRun } from "./run-reader.ts";
import { isSettled, settledQuery } from "./settled.ts";
import type { Shards } from "./shards.ts";

const tenant = name.default(DEFAULT_TENANT);
const whichRun = z.object({ run: name, tenant });
const whichLetter = z.object({ id: z.string().max(100), tenant });

/** The requests of `api.<resource>.<verb>`, by resource and verb. */
export const QUERIES = {
  /** `tasks: false` leaves the tasks out: a run may have more of them than a message holds. */
  "runs.get": whichRun.extend({ tasks: z.boolean().default(true) }),
  "runs.list": z.object({ tenant, limit: z.int().min(1).max(1000).default(50) }),
  "runs.cancel": whichRun.extend({ by: z.string().max(256).optional(), reason: z.string().max(2000).optional() }),
  "dead.list": z.object({ tenant, limit: z.int().min(1).max(1000).default(50) }),
  "dead.get": whichLetter,
  "dead.redrive": whichLetter.extend({
    attempt: z.int().min(1).optional(),
    by: z.string().max(256).optional(),
    reason: z.string().max(2000).optional(),
  }),
  "dead.drop": whichLetter,
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
    const { bus, topology, shards } = host;
    const shard = shardOf(run, shards);
    const begun = topology.subjects.log(tenant, shard, run, "submitted");
    if (!(await bus.getLastMessage(topology.streams.log.name, begun))) throw notFound(run);
    if (await readEnd(host, tenant, run, shard)) throw new TuttiError(409, `run ${run} has ended already`, { run });
    const cancel = { v: VERSION, ...(by !== undefined && { by }), ...(reason !== undefined && { reason }) };
    await bus.append(topology.subjects.log(tenant, shard, run, "cancel"), encodeJson(cancel));
    return { run, status: "cancelling" };
  },
  "dead.list": ({ host }, { tenant, limit }) => listDeadLetters(host, tenant, limit),
  "dead.get": ({ host }, { tenant, id }) => getDeadLetter(host, tenant, id),
  "dead.redrive": ({ host }, query) => redriveDeadLetter(host, query),
  "dead.drop": ({ host }, { tenant, id }) => dropDeadLetter(host, tenant, id),
  async "tasks.settled"({ host, shards }, query) {
    const shard = shardOf(query.run, host.shards);
    const owner = shards.ownerOf(shard);
    if (owner) return { settled: await isSettled(owner, query) };
    const passedOn = encodeJson(query);
    const answer = await host.bus.request(host.topology.subjects.owner(shard), passedOn, { timeoutMs: 3000 });
    return decodeJson(answer.data);
  },
  "workers.list": (context) => readEntries(context, context.workers),
  "orchestrators.list": (context) => readEntries(context, context.orchestrators),
  "types.list": async ({ host }) => host.types.list(),
};

function liveRun(context: QueryContext, tenant: string, run: string): RunState | undefined {
  const state = context.shards.ownerOf(shardOf(run, context.host.shards))?.runs.get(runKey(tenant, run));
  return state && statusOf(state) === "running" ? state : undefined;
}

/** What is no JSON was not written by us, and is passed over. */
async function readEntries({ host }: QueryContext, bucket: Bucket): Promise<unknown[]> {
  const entries = await bucket.entries();
  entries.sort((a, b) => (a.key < b.key ? -1 : 1));
  return entries.flatMap(({ key, value }) => {
    try {
      return [decodeJson(value)];
    } catch (error) {
      host.log("warn", `the presence of ${key} cannot be read: ${messageOf(error)}`);
      return [];
    }
  });
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

async function answer<Q extends QueryName>(context: QueryContext, query: Q, message: Message): Promise<void> {
  const raw = message.data.length === 0 ? {} : parseBody(message.data);
  const parsed = QUERIES[query].safeParse(raw);
  if (!parsed.success) throw invalid(`${query} was asked wrongly`, problemsOf(parsed.error, raw));
  const data = encodeJson(await answers[query](context, parsed.data as never));
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
