import type { StoredMessage } from "../bus/port.ts";
import type { Ended, Submitted } from "../core/event.ts";
import { readEventBody } from "./log-event.ts";
import type { Mark } from "./marks.ts";
import { type ReaderHost, stands } from "./run-reader.ts";

export interface RunEnds {
  /** Undefined when the log has no such run (any more). */
  readonly first: (Mark & { readonly body: Submitted }) | undefined;
  /** Its end, unless it was redriven since. */
  readonly last: (Mark & { readonly body: Ended }) | undefined;
}

/** A `submitted`, in the place of its original when it is a copy. */
export function readFirst(message: StoredMessage): RunEnds["first"] {
  const body = readEventBody("submitted", message.data);
  return body && { body, ...(body.original ?? { sequence: message.sequence, at: message.timestamp }) };
}

/** The two ends of a run, as the log has them now. `shard`: where it is known, the log is asked by whole subjects. */
export async function readEnds(host: ReaderHost, tenant: string, run: string, shard?: number): Promise<RunEnds> {
  const { bus, topology } = host;
  const { name } = topology.streams.log;
  const lastOf = (event: "submitted" | "ended") =>
    bus.getLastMessage(
      name,
      shard === undefined
        ? topology.subjects.logOfRun(tenant, run, event)
        : topology.subjects.log(tenant, shard, run, event),
    );
  const [end, begin] = await Promise.all([lastOf("ended"), lastOf("submitted")]);
  const first = begin && readFirst(begin);
  const body = end && readEventBody("ended", end.data);
  // An id is free again once its `submitted` has gone by age; its `ended` may still be there then.
  const isOfThisRun = body !== undefined && end!.sequence > (first?.sequence ?? 0);
  if (!isOfThisRun || !(await stands(host, { tenant, run }, { body, sequence: end!.sequence })))
    return { first, last: undefined };
  return { first, last: { body, sequence: end!.sequence, at: end!.timestamp } };
}
