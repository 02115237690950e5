import type { StoredMessage } from "../bus/port.ts";
import { lastToken } from "../bus/subjects.ts";
import { type DeadLetter, deadRequest, type Redriven } from "../core/dead-letter.ts";
import { invalid, TuttiError } from "../core/error.ts";
import { VERSION } from "../core/event.ts";
import { decodeJson, encodeJson } from "../core/json.ts";
import { isName, NAME_EXPECTED } from "../core/names.ts";
import { DEFAULT_TENANT, HEADERS } from "../core/request.ts";
import { failedTaskOf, isOver } from "../fold/run-state.ts";
import { attemptOf } from "../fold/task-record.ts";
import { statusOf } from "../fold/view.ts";
import { readDeadTask } from "./dead-letters.ts";
import { queuedRunId } from "./durable-requests.ts";
import type { Host } from "./host.ts";
import { eachMessage, readRun } from "./run-reader.ts";

const REQUEST = /^request:(\d{1,19})$/;

/** Those of the newest, so many at most, that stand; the newest first, without what they were given. */
export async function listDeadLetters(host: Host, tenant: string, limit: number): Promise<DeadLetter[]> {
  const newest = new Map<string, DeadLetter>();
  const take = (stored: StoredMessage) => {
    const letter = readLetter(host, stored);
    if (letter?.tenant !== tenant) return;
    newest.delete(letter.id);
    newest.set(letter.id, summaryOf(letter));
    if (newest.size > limit) newest.delete(newest.keys().next().value!);
  };
  await eachMessage(host, host.topology.subjects.dead, take, { stream: host.topology.streams.dead.name });
  const letters = [...newest.values()].reverse();
  const doubts = await Promise.all(letters.map((letter) => isInDoubt(host, letter)));
  const standing: DeadLetter[] = [];
  // One after another: each is a whole log to read.
  for (const [i, letter] of letters.entries()) {
    const found = doubts[i] ? await current(host, letter) : letter;
    if (found) standing.push(summaryOf(found));
  }
  return standing.sort((a, b) => b.at.localeCompare(a.at));
}

const summaryOf = ({ message: _, request: __, ...summary }: DeadLetter): DeadLetter => summary;

/** Nobody stores a letter too late but of a run that was redriven. */
async function isInDoubt({ bus, topology }: Host, { kind, tenant, id }: DeadLetter): Promise<boolean> {
  const { streams, subjects } = topology;
  if (kind !== "task") return false;
  return (await bus.getLastMessage(streams.log.name, subjects.logOfRun(tenant, id, "redrive"))) !== undefined;
}

export async function getDeadLetter(host: Host, tenant: string, id: string): Promise<DeadLetter> {
  const { letter } = await find(host, tenant, id);
  const found = letter.kind === "task" ? await current(host, letter) : letter;
  if (!found) throw noLetter(id);
  return found;
}

/**
 * The letter of the failure that the log has for the last, if that stands. An owner that stood still may store one long after its attempt
 * was redriven, when nobody looks for it any more.
 */
async function current(host: Host, letter: DeadLetter): Promise<DeadLetter | undefined> {
  const { tenant, id } = letter;
  const state = (await readRun(host, tenant, id).catch(orUnknown))?.state;
  if (!state) return letter;
  const task = failedTaskOf(state);
  if (!task || !isOver(state)) return undefined;
  if (letter.task === task.id && letter.attempt === attemptOf(task)) return letter;
  const { subjects, streams } = host.topology;
  const stored = await host.bus.getLastMessage(
    streams.dead.name,
    subjects.deadTask(tenant, id, task.id, attemptOf(task)),
  );
  return stored && readLetter(host, stored);
}

/** The log may have let go of a run whose letter is there still, or have of it what only a newer build can read. */
function orUnknown(error: unknown): undefined {
  if (!(error instanceof TuttiError)) throw error;
}

/** Takes it off the list. What the log has of a run stays there. */
export async function dropDeadLetter(host: Host, tenant: string, id: string): Promise<{ id: string }> {
  const { filter } = await find(host, tenant, id);
  const { name } = host.topology.streams.dead;
  for (const subject of await host.bus.listSubjects(name, filter)) await host.bus.removeSubject(name, subject);
  return { id };
}

export interface RedriveQuery {
  readonly tenant: string;
  readonly id: string;
  /** The attempt that failed, as its letter has it: so that a repeated request redrives once. */
  readonly attempt?: number | undefined;
  readonly by?: string | undefined;
  readonly reason?: string | undefined;
}

export const redriveDeadLetter = (host: Host, query: RedriveQuery): Promise<Redriven> =>
  REQUEST.test(query.id) ? redriveRequest(host, query) : redriveTask(host, query);

/** Whether the run can be redriven, its log says; this only asks for it, and the fold decides. */
async function redriveTask(host: Host, { tenant, id: run, attempt, by, reason }: RedriveQuery): Promise<Redriven> {
  checkId(run);
  const { state } = await readRun(host, tenant, run);
  const task = failedTaskOf(state);
  const { redriven } = state;
  const isFailed = isOver(state) && task !== undefined;
  if (
    redriven &&
    (!isFailed || (attempt !== undefined && attempt < attemptOf(task))) &&
    statusOf(state) !== "cancelled"
  )
    return { id: run, run, task: redriven.task, attempt: redriven.attempt + 1, already: true };
  if (!task || !isOver(state))
    throw new TuttiError(
      409,
      `run ${run} cannot be redriven: ${task ? "it is about to end" : describe(statusOf(state))}`,
      {
        run,
        expected: "a run that has failed because one of its tasks did",
        received: task ? "running" : statusOf(state),
      },
    );
  const body = {
    v: VERSION,
    task: task.id,
    attempt: attemptOf(task),
    ...(by !== undefined && { by }),
    ...(reason !== undefined && { reason }),
  };
  await host.bus.append(host.topology.subjects.log(tenant, state.shard, run, "redrive"), encodeJson(body));
  return { id: run, run, task: task.id, attempt: attemptOf(task) + 1 };
}

const describe = (status: string) =>
  status === "failed"
    ? "it failed, but by no task of its own"
    : status === "running"
      ? "it goes on"
      : `it was ${status}`;

/** Publishes it anew, under the id that it would have had: what comes twice is one run. */
async function redriveRequest(host: Host, { tenant, id }: RedriveQuery): Promise<Redriven> {
  const { letter } = await find(host, tenant, id);
  const { request, run = "" } = letter;
  const { bodyRef, bodyBase64, body = "" } = request!;
  const data = bodyRef
    ? await host.blobs.get(bodyRef)
    : bodyBase64 === undefined
      ? new TextEncoder().encode(body)
      : Buffer.from(bodyBase64, "base64");
  const chosen = run === "" ? undefined : run;
  await host.bus.append(request!.subject, data, {
    headers: { ...ownHeaders(request!.headers), ...(chosen !== undefined && { [HEADERS.run]: chosen }) },
  });
  await dropDeadLetter(host, tenant, id);
  return { id, run };
}

/**
 * Without what was meant for the server, and for the first time only: by the same `Nats-Msg-Id` it would confirm the
 * message as a duplicate and store nothing.
 */
const ownHeaders = (headers: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !/^nats-/i.test(name)));

function checkId(id: string): void {
  if (isName(id)) return;
  const expected = `a run's id (${NAME_EXPECTED}), or request:<number>`;
  throw invalid("the dead letter's id", [{ path: "/id", message: `expected ${expected}`, expected, received: id }]);
}

async function find(host: Host, tenant: string, id: string): Promise<{ filter: string; letter: DeadLetter }> {
  const { subjects, streams } = host.topology;
  const sequence = REQUEST.exec(id)?.[1];
  if (sequence === undefined) checkId(id);
  const filter =
    sequence === undefined ? subjects.deadTasksOfRun(tenant, id) : subjects.deadRequest("*", Number(sequence));
  const stored = await host.bus.getLastMessage(streams.dead.name, filter);
  const letter = stored && readLetter(host, stored);
  if (letter?.tenant !== tenant) throw noLetter(id);
  return { filter, letter };
}

const noLetter = (id: string): TuttiError =>
  new TuttiError(404, `there is no dead letter ${id}: it was redriven or dropped, has expired, or never was`, {
    path: "/id",
    received: id,
  });

/** Undefined for what we have not written. */
function readLetter(host: Host, stored: StoredMessage): DeadLetter | undefined {
  const at = new Date(stored.timestamp).toISOString();
  if (stored.subject.startsWith(`${host.topology.subjects.prefix}.dead.tasks.`)) {
    const read = readDeadTask(stored.data);
    if (!read) return undefined;
    const { tenant, run, task, type, attempt, message } = read;
    const error = { code: 422 as const, ...read.error, path: task, task, run };
    return { id: run, kind: "task", at, tenant, type, run, task, attempt, error, ...(message && { message }) };
  }
  try {
    const { subject, headers, bodyBase64, bodyRef, error, run } = deadRequest.parse(decodeJson(stored.data));
    const named = Object.entries(headers).find(([key]) => key.toLowerCase() === HEADERS.tenant.toLowerCase())?.[1];
    const sequence = Number(lastToken(stored.subject));
    return {
      id: `request:${sequence}`,
      kind: "request",
      at,
      tenant: isName(named) ? named : DEFAULT_TENANT,
      type: subject.slice(host.topology.subjects.prefix.length + ".requests.".length),
      run: run ?? queuedRunId(sequence),
      error,
      request: { subject, headers, ...bodyOf(bodyBase64), ...(bodyRef !== undefined && { bodyRef }) },
    };
  } catch {
    return undefined;
  }
}

/** As text where it is text. */
function bodyOf(bodyBase64: string | undefined): { body?: string; bodyBase64?: string } {
  if (bodyBase64 === undefined) return {};
  try {
    return {
      body: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.from(bodyBase64, "base64")),
    };
  } catch {
    return { bodyBase64 };
  }
}
