import type { StoredMessage } from "../../bus/port.ts";
import { isDeadTask } from "../../bus/subjects.ts";
import type { DeadLetter, Redriven } from "../../core/dead-letter.ts";
import { invalid, TuttiError } from "../../core/error.ts";
import { isName, NAME_EXPECTED } from "../../core/names.ts";
import type { Runtime } from "../host/runtime.ts";
import { eachMessage } from "../log/run-reader.ts";
import { readRequestLetter, redriveRequest } from "./dead-requests.ts";
import { currentLetter, isInDoubt, type RedriveQuery, readTaskLetter, redriveTask } from "./dead-tasks.ts";

const REQUEST = /^request:(\d{1,19})$/;

/** The newest `limit` dead letters, without those that were redriven, and without messages and requests; the newest first. */
export async function listDeadLetters(runtime: Runtime, tenant: string, limit: number): Promise<DeadLetter[]> {
  const newest = new Map<string, DeadLetter>();
  const take = (stored: StoredMessage) => {
    const letter = readLetter(runtime, stored);
    if (letter?.tenant !== tenant) return;
    newest.delete(letter.id);
    newest.set(letter.id, summaryOf(letter));
    if (newest.size > limit) newest.delete(newest.keys().next().value!);
  };
  await eachMessage(runtime, runtime.topology.subjects.dead, take, { stream: runtime.topology.streams.dead.name });
  const letters = [...newest.values()].reverse();
  const doubts = await Promise.all(letters.map((letter) => letter.kind === "task" && isInDoubt(runtime, letter)));
  const standing: DeadLetter[] = [];
  // One after another: each is a whole log to read.
  for (const [i, letter] of letters.entries()) {
    const found = doubts[i] ? await currentLetter(runtime, letter) : letter;
    if (found) standing.push(summaryOf(found));
  }
  return standing.sort((a, b) => b.at.localeCompare(a.at));
}

const summaryOf = ({ message: _, request: __, ...summary }: DeadLetter): DeadLetter => summary;

export async function getDeadLetter(runtime: Runtime, tenant: string, id: string): Promise<DeadLetter> {
  const { letter } = await find(runtime, tenant, id);
  const found = letter.kind === "task" ? await currentLetter(runtime, letter) : letter;
  if (!found) throw noLetter(id);
  return found;
}

/** Takes it off the list. What the log has of a run stays there. */
export async function dropDeadLetter(runtime: Runtime, tenant: string, id: string): Promise<{ id: string }> {
  const { filter } = await find(runtime, tenant, id);
  const { name } = runtime.topology.streams.dead;
  for (const subject of await runtime.bus.listSubjects(name, filter)) await runtime.bus.removeSubject(name, subject);
  return { id };
}

export async function redriveDeadLetter(runtime: Runtime, query: RedriveQuery): Promise<Redriven> {
  const { tenant, id } = query;
  if (!REQUEST.test(id)) {
    checkId(id);
    return redriveTask(runtime, query);
  }
  const { letter } = await find(runtime, tenant, id);
  await redriveRequest(runtime, letter);
  await dropDeadLetter(runtime, tenant, id);
  return { id, run: letter.run ?? "" };
}

function checkId(id: string): void {
  if (isName(id)) return;
  const expected = `a run's id (${NAME_EXPECTED}), or request:<number>`;
  throw invalid("the dead letter's id", [{ path: "/id", message: `expected ${expected}`, expected, received: id }]);
}

async function find(runtime: Runtime, tenant: string, id: string): Promise<{ filter: string; letter: DeadLetter }> {
  const { subjects, streams } = runtime.topology;
  const sequence = REQUEST.exec(id)?.[1];
  if (sequence === undefined) checkId(id);
  const filter =
    sequence === undefined ? subjects.deadTasksOfRun(tenant, id) : subjects.deadRequest("*", Number(sequence));
  const stored = await runtime.bus.getLastMessage(streams.dead.name, filter);
  const letter = stored && readLetter(runtime, stored);
  if (letter?.tenant !== tenant) throw noLetter(id);
  return { filter, letter };
}

const noLetter = (id: string): TuttiError =>
  new TuttiError(404, `there is no dead letter ${id}: it was redriven or dropped, has expired, or never was`, {
    path: "/id",
    received: id,
  });

/** Undefined for what we have not written. */
const readLetter = (runtime: Runtime, stored: StoredMessage): DeadLetter | undefined =>
  isDeadTask(runtime.topology.subjects, stored.subject) ? readTaskLetter(stored) : readRequestLetter(runtime, stored);
