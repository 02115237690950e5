import type { z } from "zod";
import type { Message, ServiceDefinition } from "../../bus/port.ts";
import { isBusError } from "../../bus/port.ts";
import { invalid, messageOf, TuttiError } from "../../core/error.ts";
import { shardOf } from "../../core/hash.ts";
import { type HeldTask, mayBeHeld, withHeld } from "../../core/held.ts";
import { decodeJson, encodeJson } from "../../core/json.ts";
import { heldReply } from "../../core/owner-request.ts";
import { problemsOf } from "../../core/problem.ts";
import { QUERIES, type QueryName } from "../../core/query.ts";
import type { OrchestratorPresence, WorkerPresence } from "../../core/registration.ts";
import { viewServices } from "../../core/service-view.ts";
import { isOver, type RunState } from "../../fold/run-state.ts";
import type { Shards } from "../cluster/shards.ts";
import { dropDeadLetter, getDeadLetter, listDeadLetters, redriveDeadLetter } from "../dead/dead-queries.ts";
import type { EntryList } from "../host/entry-list.ts";
import type { Runtime } from "../host/runtime.ts";
import { listLimits, removeLimit, setLimit } from "../limits/limit-queries.ts";
import { listCosts, readSince } from "../log/run-costs.ts";
import { listRuns } from "../log/run-list.ts";
import { diffRuns, explainRun, readMoment, readMomentOptions, readSteps, traceRun } from "../log/run-moments.ts";
import { readRun, viewRun } from "../log/run-reader.ts";
import { attemptStatus } from "../shard/attempt-status.ts";
import { answering } from "./gateway.ts";
import { askOwner } from "./owner-question.ts";
import { checkHeaderBytes } from "./request-reading.ts";
import { cancelRun, markTask, pauseRun, resumeRun } from "./run-control.ts";
import { listAllApprovals, sendSignal } from "./signals.ts";

export interface QueryContext {
  readonly runtime: Runtime;
  readonly shards: Shards;
  readonly workers: EntryList<WorkerPresence>;
  readonly orchestrators: EntryList<OrchestratorPresence>;
}

type Answers = { [Q in QueryName]: (context: QueryContext, query: z.output<(typeof QUERIES)[Q]>) => Promise<unknown> };

const answers: Answers = {
  async "runs.get"(context, query) {
    const { runtime } = context;
    const view = await viewRun(runtime, await readRun(runtime, query.tenant, query.run));
    if (!query.tasks) return { ...view, tasks: [] };
    return mayBeHeld(view) ? withHeld(view, await listHeld(context, query)) : view;
  },
  "runs.held": listHeld,
  "runs.list": (context, query) => listRuns(context.runtime, query, (run) => liveRun(context, query.tenant, run)),
  "runs.cancel": cancelRun,
  "runs.pause": pauseRun,
  "runs.resume": resumeRun,
  "runs.mark": markTask,
  "runs.signal": sendSignal,
  "approvals.list": listAllApprovals,
  "runs.steps": ({ runtime }, { tenant, run }) => readSteps(runtime, tenant, run),
  async "runs.replay"({ runtime }, { tenant, run, at, until, tasks }) {
    const found = await readMoment(runtime, tenant, run, readMomentOptions({ at, until }));
    return tasks ? found : { ...found, view: { ...found.view, tasks: [] } };
  },
  "runs.trace": ({ runtime }, { tenant, run }) => traceRun(runtime, tenant, run),
  "runs.explain": ({ runtime }, { tenant, run }) => explainRun(runtime, tenant, run),
  "runs.diff": ({ runtime }, { tenant, run, other }) => diffRuns(runtime, tenant, [run, other]),
  "dead.list": ({ runtime }, { tenant, limit }) => listDeadLetters(runtime, tenant, limit),
  "dead.get": ({ runtime }, { tenant, id }) => getDeadLetter(runtime, tenant, id),
  "dead.redrive": ({ runtime }, query) => redriveDeadLetter(runtime, query),
  "dead.drop": ({ runtime }, { tenant, id }) => dropDeadLetter(runtime, tenant, id),
  async "tasks.settled"({ runtime, shards }, query) {
    const shard = shardOf(query.run, runtime.shards);
    const owner = shards.ownerOf(shard);
    if (owner) return attemptStatus(owner, query);
    const passedOn = encodeJson(query);
    const answer = await runtime.bus.request(runtime.topology.subjects.owner(shard), passedOn, { timeoutMs: 3000 });
    return decodeJson(answer.data);
  },
  "workers.list": ({ workers }) => workers.read(),
  "costs.list": ({ runtime }, { tenant, by, since }) =>
    listCosts(runtime, { tenant, by, sinceMs: since === undefined ? 0 : readSince(since, runtime.clock.now()) }),
  "models.list": async ({ workers }) => viewServices(await workers.read()),
  "orchestrators.list": ({ orchestrators }) => orchestrators.read(),
  "limits.list": ({ runtime }) => listLimits(runtime),
  "limits.set": ({ runtime }, query) => setLimit(runtime, query),
  "limits.remove": ({ runtime }, query) => removeLimit(runtime, query),
  "types.list": async ({ runtime }) => runtime.types.list(),
};

/** Without an owner, nothing is held back: nothing goes on. */
async function listHeld(context: QueryContext, { tenant, run }: { tenant: string; run: string }): Promise<HeldTask[]> {
  const shard = shardOf(run, context.runtime.shards);
  const reply = await askOwner(context, shard, { ask: "held", tenant, run }, 0).catch(() => []);
  return heldReply.safeParse(reply).data ?? [];
}

function liveRun(context: QueryContext, tenant: string, run: string): RunState | undefined {
  const state = context.shards.ownerOf(shardOf(run, context.runtime.shards))?.find(tenant, run);
  return state && !isOver(state) ? state : undefined;
}

/** The endpoints of the micro service that answers queries. */
export function queryEndpoints(context: QueryContext): ServiceDefinition["endpoints"] {
  const { subjects } = context.runtime.topology;
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
  checkHeaderBytes(message);
  const raw = message.data.length === 0 ? {} : parseBody(message.data);
  const parsed = QUERIES[query].safeParse(raw);
  if (!parsed.success) throw invalid(`the query ${query} is invalid`, problemsOf(parsed.error, raw));
  const data = encodeJson(await answers[query](context, parsed.data as never));
  try {
    message.respond(data);
  } catch (error) {
    if (!isBusError(error, "too-large")) throw error;
    throw new TuttiError(
      500,
      `the answer has ${data.length} bytes, and a message holds ${context.runtime.bus.maxPayload}: ask for less`,
    );
  }
}

function parseBody(data: Uint8Array): unknown {
  try {
    return decodeJson(data);
  } catch (error) {
    throw invalid("the request is not JSON", [{ path: "", message: messageOf(error), expected: "JSON" }]);
  }
}
