import type { StoredMessage } from "../../bus/port.ts";
import { parseLogSubject } from "../../bus/subjects.ts";
import type { Ended } from "../../core/event.ts";
import type { RunSummary } from "../../core/run-view.ts";
import { NewerVersion } from "../../core/upcast.ts";
import { beginRun } from "../../fold/apply.ts";
import type { RunState } from "../../fold/run-state.ts";
import type { ReaderRuntime } from "../host/runtime.ts";
import { type FirstEvent, readEnd, readFirst } from "./run-ends.ts";
import { eachMessage, summarizeRun } from "./run-reader.ts";

/** The largest output in a list, which has to fit into a message. A larger output is read with the run. */
const LISTED_OUTPUT_CHARACTERS = 1000;

function withoutLargeOutput({ output, ...rest }: Ended): Ended {
  const isSmall = output !== undefined && JSON.stringify(output).length <= LISTED_OUTPUT_CHARACTERS;
  return isSmall ? { ...rest, output } : rest;
}

/**
 * Lists the newest runs of a tenant, or those with a tag, the newest first, by their first and last events. `live`
 * finds the runs that this process owns.
 */
export async function listRuns(
  runtime: ReaderRuntime,
  { tenant, limit, tag }: { readonly tenant: string; readonly limit: number; readonly tag?: string | undefined },
  live: (run: string) => RunState | undefined,
): Promise<RunSummary[]> {
  const { topology } = runtime;
  const { subjects } = topology;
  const newest = new Newest(limit, tag);
  await eachMessage(runtime, subjects.logOfKind(tenant, "submitted"), (message) => newest.take(message));
  const summaries = newest.all().map(async ({ subject, first }): Promise<RunSummary> => {
    const address = parseLogSubject(subjects, subject);
    const { run, shard } = address;
    const last = await readEnd(runtime, tenant, run, shard).catch(unlessNewer);
    const end = last && { body: withoutLargeOutput(last.body), at: last.at };
    const state = (end ? undefined : live(run)) ?? beginRun(address, first.body, first.at);
    return summarizeRun({ state, ended: end });
  });
  return Promise.all(summaries);
}

/**
 * Reads a `submitted`, or returns undefined if only a newer build can read it: the run is then missing from the list.
 */
function readKnown(message: StoredMessage): FirstEvent | undefined {
  try {
    return readFirst(message);
  } catch (error) {
    return unlessNewer(error);
  }
}

function unlessNewer(error: unknown): undefined {
  if (!(error instanceof NewerVersion)) throw error;
}

interface Listed {
  readonly subject: string;
  readonly first: FirstEvent;
}

/** Collects the newest runs of many `submitted`. A copy counts as its original. */
class Newest {
  readonly #limit: number;
  readonly #tag: string | undefined;
  #found = new Map<string, Listed>();

  constructor(limit: number, tag: string | undefined) {
    this.#limit = limit;
    this.#tag = tag;
  }

  take(message: StoredMessage): void {
    const first = readKnown(message);
    if (!first || (this.#tag !== undefined && !first.body.tags?.includes(this.#tag))) return;
    this.#found.set(message.subject, { subject: message.subject, first });
    if (this.#found.size > 2 * this.#limit + 100)
      this.#found = new Map(this.all().map((listed) => [listed.subject, listed]));
  }

  all(): Listed[] {
    return [...this.#found.values()].sort((a, b) => b.first.sequence - a.first.sequence).slice(0, this.#limit);
  }
}
