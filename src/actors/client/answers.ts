import { z } from "zod";
import { approval, signalAnswer } from "../../core/approval.ts";
import { costView } from "../../core/cost-view.ts";
import { deadLetter, redriven } from "../../core/dead-letter.ts";
import { TuttiError } from "../../core/error.ts";
import { explanation } from "../../core/explanation.ts";
import { decodeJson } from "../../core/json.ts";
import { limitView } from "../../core/limit-view.ts";
import type { Logger } from "../../core/logger.ts";
import { heldReply } from "../../core/owner-request.ts";
import { describeProblems, problemsOf } from "../../core/problem.ts";
import type { QueryName } from "../../core/query.ts";
import { orchestratorPresence, typeRegistration, workerPresence } from "../../core/registration.ts";
import { runDifference } from "../../core/run-difference.ts";
import { runMoment, runStep } from "../../core/run-step.ts";
import { runTraceAnswer } from "../../core/run-trace.ts";
import { runSummary, runView } from "../../core/run-view.ts";
import { serviceView } from "../../core/service-view.ts";

const controlled = z.object({ run: z.string(), task: z.string().optional(), status: z.string() });

/** The schema of an orchestrator's answer, by query. */
export const ANSWERS = {
  "runs.get": runView,
  "runs.list": z.array(runSummary),
  "runs.cancel": controlled,
  "runs.pause": controlled,
  "runs.resume": controlled,
  "runs.mark": controlled,
  "runs.signal": signalAnswer,
  "approvals.list": z.array(approval),
  "runs.steps": z.array(runStep),
  "runs.replay": runMoment,
  "runs.explain": explanation,
  "runs.trace": runTraceAnswer,
  "runs.diff": runDifference,
  "dead.list": z.array(deadLetter),
  "dead.get": deadLetter,
  "dead.redrive": redriven,
  "dead.drop": z.object({ id: z.string() }),
  "tasks.settled": z.object({ settled: z.boolean() }),
  "workers.list": z.array(workerPresence),
  "models.list": z.array(serviceView),
  "costs.list": z.array(costView),
  "orchestrators.list": z.array(orchestratorPresence),
  "types.list": z.array(typeRegistration),
  "runs.held": heldReply,
  "limits.list": z.array(limitView),
  "limits.set": z.array(limitView),
  "limits.remove": z.object({ removed: z.int() }),
} as const satisfies Record<QueryName, z.ZodType>;
export type Answer<Q extends QueryName> = z.output<(typeof ANSWERS)[Q]>;

/**
 * Reads the answer to a query. Entries of a list that cannot be read are left out, with one warning for all of them.
 * Throws a {@link TuttiError} (500) for an answer that cannot be read.
 */
export function readAnswer<Q extends QueryName>(query: Q, data: Uint8Array, log: Logger): Answer<Q> {
  const schema: z.ZodType = ANSWERS[query];
  const raw = decodeAnswer(query, data);
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data as Answer<Q>;
  const problem = describeProblems(problemsOf(parsed.error, raw));
  if (!(schema instanceof z.ZodArray) || !Array.isArray(raw)) throw unreadable(query, problem);
  const entry = schema.element as z.ZodType;
  const readable = raw.flatMap((one) => entry.safeParse(one).data ?? []);
  log("warn", `${raw.length - readable.length} entries of the answer to ${query} cannot be read: ${problem}`);
  return readable as Answer<Q>;
}

/** The JSON of an answer. Throws a {@link TuttiError} (500) if it is not JSON. */
export function decodeAnswer(what: string, data: Uint8Array): unknown {
  try {
    return decodeJson(data);
  } catch (error) {
    throw unreadable(what, error instanceof Error ? error.message : String(error));
  }
}

const unreadable = (what: string, problem: string): TuttiError =>
  new TuttiError(500, `the answer to ${what} cannot be read: ${problem}`);
