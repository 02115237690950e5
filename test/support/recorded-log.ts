/**
 * Logs that builds of every version have left behind (`scripts/record-logs.ts`), read by this one.
 *
 * `node [--import next-build.ts] recorded-log.ts`: prints, as JSON, what differs from the recordings.
 */
import { readdirSync, readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { createMemoryBroker } from "../../src/bus/memory/bus.ts";
import { createTopology } from "../../src/bus/topology.ts";
import { encodeJson, type Json } from "../../src/core/json.ts";
import type { RunView, TaskViewState } from "../../src/core/run-view.ts";
import { LOG_VERSION } from "../../src/core/version.ts";
import { createVirtualClock } from "../../src/core/virtual-clock.ts";
import { tutti } from "../../src/tutti.ts";

export interface RecordedLog {
  readonly run: string;
  readonly messages: readonly { readonly subject: string; readonly timestamp: number; readonly body: Json }[];
  /** What the messages refer to, by name. */
  readonly blobs: Readonly<Record<string, Json>>;
  /** What it folded to when it was recorded. */
  readonly view: RunView;
}

const folder = new URL("../fixtures/logs/", import.meta.url);

/** By version and run: `v1/documents`. */
export const recordings = (): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".json"))
    .map((file) => file.replace(/\.json$/, ""))
    .sort();

export const readRecording = (name: string): RecordedLog =>
  JSON.parse(readFileSync(new URL(`${name}.json`, folder), "utf8")) as RecordedLog;

/** What an open attempt was called in views until version 0.2: the log is the same. */
const WORDS: Readonly<Record<string, TaskViewState>> = { dispatched: "ready" };

/** A recorded view as this build shows it. */
export const inWordsOfToday = (view: RunView): RunView => ({
  ...view,
  tasks: view.tasks.map((task) => ({ ...task, state: WORDS[task.state] ?? task.state })),
});

/** A value without the fields that the recording does not know: views have gained some since. */
function asFarAs<T>(recorded: T, value: T): T {
  if (Array.isArray(recorded) && Array.isArray(value)) return value.map((one, i) => asFarAs(recorded[i], one)) as T;
  if (typeof recorded !== "object" || recorded === null || typeof value !== "object" || value === null) return value;
  const known = Object.entries(value).filter(([key]) => key in recorded);
  return Object.fromEntries(known.map(([key, one]) => [key, asFarAs(recorded[key as keyof T], one)])) as T;
}

/** Stores the log as it was, message by message at its own time, and asks this build what it says. */
export async function foldRecording({ run, messages, blobs, view }: RecordedLog): Promise<RunView> {
  const clock = createVirtualClock({ startMs: messages[0]!.timestamp });
  const broker = createMemoryBroker({ clock });
  const topology = createTopology();
  const bus = broker.connect();
  const passing = <T>(promise: Promise<T>) => clock.runUntilSettled(promise);
  for (const stream of Object.values(topology.streams)) await passing(bus.ensureStream(stream));
  const objects = await passing(bus.objects(topology.blobs));
  for (const [name, content] of Object.entries(blobs)) await passing(objects.put(name, encodeJson(content)));
  for (const { subject, timestamp, body } of messages) {
    if (timestamp > clock.now()) await clock.advance(timestamp - clock.now());
    await passing(bus.append(subject, encodeJson(body)));
  }
  const app = await passing(tutti({ env: {}, orchestrator: false }, { bus: broker.connect(), clock }));
  try {
    return asFarAs(view, JSON.parse(JSON.stringify(await passing(app.get(run)))) as RunView);
  } finally {
    await passing(app.stop());
    await bus.close();
  }
}

if (import.meta.main) {
  const differing: string[] = [];
  for (const name of recordings()) {
    const recording = readRecording(name);
    if (!isDeepStrictEqual(await foldRecording(recording), inWordsOfToday(recording.view))) differing.push(name);
  }
  console.log(JSON.stringify({ version: LOG_VERSION, read: recordings().length, differing }));
}
