import type { LogEntry } from "../../app.ts";
import { lastToken } from "../../bus/subjects.ts";
import { carried, type Submitted } from "../../core/event.ts";
import { decodeJson, type Json } from "../../core/json.ts";
import type { ReaderRuntime } from "../host/runtime.ts";
import { eachMessage, notFound } from "./run-reader.ts";

/**
 * See `Tutti.log`. Events of a carried run that have expired are listed at their original positions; `carried` itself
 * is shown with its number of events. Copies of `submitted` are left out.
 */
export async function readLog(runtime: ReaderRuntime, tenant: string, run: string): Promise<LogEntry[]> {
  const stored: LogEntry[] = [];
  await eachMessage(
    runtime,
    runtime.topology.subjects.logOfRun(tenant, run, ">"),
    ({ sequence, timestamp, subject, data }) => {
      stored.push({ sequence, at: iso(timestamp), event: lastToken(subject), body: readBody(data) });
    },
  );
  const entries = [...(await readExpired(runtime, stored)), ...stored].filter((entry) => !isCopy(entry)).map(shortened);
  if (entries.length === 0) throw notFound(run);
  return entries;
}

/** The events before the first one that the log still has, from a `carried` that contains them. */
async function readExpired({ blobs }: ReaderRuntime, stored: readonly LogEntry[]): Promise<LogEntry[]> {
  const first = stored[0];
  const found = carried.safeParse(stored.find(({ event }) => event === "carried")?.body).data;
  if (!first || !found || (first.event === "submitted" && !isCopy(first))) return [];
  const { eventsRef, events = eventsRef === undefined ? [] : await blobs.getJson(eventsRef) } = found;
  return (carried.shape.events.safeParse(events).data ?? [])
    .filter(({ sequence }) => sequence < first.sequence)
    .map(({ sequence, at, event, body }) => ({ sequence, at: iso(at), event, body: body as Json }));
}

const isCopy = ({ event, body }: LogEntry): boolean =>
  event === "submitted" && (body as Partial<Submitted> | null)?.original !== undefined;

function shortened(entry: LogEntry): LogEntry {
  const { events, ...body } = (entry.event === "carried" ? entry.body : {}) as { events?: readonly Json[] };
  return events ? { ...entry, body: { ...body, events: events.length } } : entry;
}

const iso = (ms: number): string => new Date(ms).toISOString();

function readBody(data: Uint8Array): Json {
  try {
    return decodeJson(data) as Json;
  } catch {
    return new TextDecoder().decode(data);
  }
}
