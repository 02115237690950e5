import type { StoredMessage } from "../../bus/port.ts";
import type { Ended, Submitted } from "../../core/event.ts";
import type { ReaderRuntime } from "../host/runtime.ts";
import { readEventBody } from "./log-event.ts";
import type { Mark } from "./replay-positions.ts";
import { stands } from "./run-reader.ts";

export interface FirstEvent extends Mark {
  readonly body: Submitted;
}

export interface LastEvent extends Mark {
  readonly body: Ended;
}

/** Reads a `submitted`. A copy gets the position of its original. */
export function readFirst(message: StoredMessage): FirstEvent | undefined {
  const body = readEventBody("submitted", message.data);
  return body && { body, ...(body.original ?? { sequence: message.sequence, at: message.timestamp }) };
}

/**
 * The end of a run, if the log has it and the run was not redriven since. With `shard`, complete subjects are used. For
 * a run that has not ended, which is the common case, this costs one look-up.
 */
export async function readEnd(
  runtime: ReaderRuntime,
  tenant: string,
  run: string,
  shard?: number,
): Promise<LastEvent | undefined> {
  const { bus, topology } = runtime;
  const { name } = topology.streams.log;
  const lastOf = (event: "submitted" | "ended") =>
    bus.getLastMessage(
      name,
      shard === undefined
        ? topology.subjects.logOfRun(tenant, run, event)
        : topology.subjects.log(tenant, shard, run, event),
    );
  const end = await lastOf("ended");
  const body = end && readEventBody("ended", end.data);
  if (!body) return undefined;
  const { sequence, timestamp } = end;
  // An id can be used again once its `submitted` has expired, while the `ended` of the earlier run may still exist.
  const begin = await lastOf("submitted");
  if (begin && sequence < (readFirst(begin)?.sequence ?? 0)) return undefined;
  return (await stands(runtime, { tenant, run }, { body, sequence })) ? { body, sequence, at: timestamp } : undefined;
}
