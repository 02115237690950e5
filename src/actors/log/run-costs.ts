import { parseLogSubject } from "../../bus/subjects.ts";
import type { CostsBy, CostView } from "../../core/cost-view.ts";
import { parseDuration } from "../../core/duration.ts";
import { TuttiError } from "../../core/error.ts";
import { decodeJson } from "../../core/json.ts";
import { show } from "../../core/problem.ts";
import { addUsage, type Usage, usage } from "../../core/usage.ts";
import { RunTimeline } from "../../timeline/run-timeline.ts";
import type { ReaderRuntime } from "../host/runtime.ts";
import { eachMessage, replayRun } from "./run-reader.ts";

/** Events that tell what an attempt took. */
const KINDS = ["result", "planned", "deferred"] as const;

interface CostQuery {
  readonly tenant: string;
  readonly by: CostsBy;
  /** Milliseconds since the epoch. */
  readonly sinceMs: number;
}

/** The usage of one attempt, where it stands in the log. */
interface Found {
  readonly tenant: string;
  readonly run: string;
  readonly task: string;
  readonly usage: Usage;
}

/**
 * Sums up what the log says of calls to models, the dearest first. Every attempt counts that reported its usage, also one
 * whose result came too late to count: it was paid for. By `tenant`, all tenants are listed.
 */
export async function listCosts(runtime: ReaderRuntime, { tenant, by, sinceMs }: CostQuery): Promise<CostView[]> {
  const { subjects } = runtime.topology;
  const sums = new Map<string, { usage: Usage; runs: Set<string> }>();
  const add = (name: string, run: string, one: Usage) => {
    const before = sums.get(name);
    sums.set(name, { usage: addUsage(before?.usage, one), runs: (before?.runs ?? new Set()).add(run) });
  };
  const found: Found[] = [];
  for (const kind of KINDS)
    await eachMessage(runtime, subjects.logOfKind(by === "tenant" ? "*" : tenant, kind), (message) => {
      if (message.timestamp < sinceMs) return;
      const at = parseLogSubject(subjects, message.subject);
      for (const one of usagesIn(message.data)) found.push({ ...one, tenant: at.tenant, run: at.run });
    });
  const typeOf = by === "type" ? await readTypes(runtime, tenant, found) : undefined;
  for (const { usage: one, ...at } of found)
    if (by === "model") for (const [model, counts] of Object.entries(one.models ?? {})) add(model, at.run, counts);
    else
      add(
        typeOf?.get(`${at.run} ${at.task}`) ?? (by === "tenant" ? at.tenant : by === "run" ? at.run : "?"),
        at.run,
        one,
      );
  return Array.from(
    sums,
    ([
      name,
      {
        usage: { models: _, ...counts },
        runs,
      },
    ]) => ({ name, ...counts, runs: runs.size }),
  ).sort((a, b) => (b.cost ?? 0) - (a.cost ?? 0) || b.inputTokens + b.outputTokens - a.inputTokens - a.outputTokens);
}

/** An attempt's usage is its worker's own words: what is no usage of calls to models is left out. */
function usagesIn(data: Uint8Array): { task: string; usage: Usage }[] {
  const body = parse(data);
  const reports = Array.isArray(body?.results) ? body.results : [body];
  return (reports as ({ task?: unknown; usage?: unknown } | undefined)[]).flatMap((report) => {
    const read = usage.safeParse(report?.usage);
    return read.success && typeof report?.task === "string" ? [{ task: report.task, usage: read.data }] : [];
  });
}

function parse(data: Uint8Array): { results?: unknown } | undefined {
  try {
    return decodeJson(data) as { results?: unknown };
  } catch {
    return undefined;
  }
}

/** The types of the tasks of these runs: what an event says of its task is only its path. */
async function readTypes(
  runtime: ReaderRuntime,
  tenant: string,
  found: readonly Found[],
): Promise<ReadonlyMap<string, string>> {
  const types = new Map<string, string>();
  for (const run of new Set(found.map((one) => one.run))) {
    const timeline = new RunTimeline();
    // Of a run whose beginning has left the log, the types are not known any more.
    await replayRun(runtime, { tenant, run }, undefined, timeline).catch(() => {});
    for (const { task } of timeline.tasks) types.set(`${run} ${task.id}`, task.spec.type);
  }
  return types;
}

/** A time, or a duration before now, as milliseconds since the epoch. Throws a {@link TuttiError} (400) for what is neither. */
export function readSince(since: string, now: number): number {
  const before = parseDuration(since);
  const at = before === undefined ? Date.parse(since) : now - before;
  if (!Number.isNaN(at)) return at;
  throw new TuttiError(400, `since: expected a duration such as 24h, or a time in ISO 8601, received ${show(since)}`);
}
