import { isBusError } from "../../bus/port.ts";
import { parseLogSubject } from "../../bus/subjects.ts";
import { TuttiError } from "../../core/error.ts";
import type { Ended } from "../../core/event.ts";
import { NewerVersion } from "../../core/upcast.ts";
import { asTuttiError } from "../host/bus-failure.ts";
import type { ReaderRuntime } from "../host/runtime.ts";
import { readEventBody } from "./log-event.ts";
import { readEnd } from "./run-ends.ts";
import { lostRun } from "./run-reader.ts";

/** The interval at which the log is read, in case the message of the end was lost with a connection. */
const CHECK_MS = 15_000;
/** The time after which a run that was missing in the log is looked up again. */
const MISSING_MS = 1000;
/** The pauses before an end that was received, but not found in the log, is looked up again. */
const LOOK_AGAIN_MS = [20, 100, 500, 2000];

export interface EndWaiter {
  /**
   * Resolves with the run's end. Rejects when the end was written by a newer build and this one cannot read it; with
   * 404 when the run is no longer in the log; and with 503 when the connection has ended, in which case the run
   * continues.
   */
  readonly ended: Promise<Ended>;
  /** Notes that the log has the run: if it is missing later, it counts as lost. */
  begun(): void;
  /** Reads the log now, for a run that may have ended before. Resolves with whether it has. */
  check(): Promise<boolean>;
  /** Stops waiting. `ended` then never settles. */
  stop(): void;
}

/**
 * Waits for the end of a run, whichever orchestrator writes it. Log appends also reach plain subscribers; the log is
 * then read, and also after a reconnect and every 15 s. A received message alone does not count, since the log may
 * refuse it: its writer may have lost the shard, or the log may be full. With `shard`, complete subjects are used,
 * which is cheaper.
 */
export async function waitForEnd(
  runtime: ReaderRuntime,
  tenant: string,
  run: string,
  shard?: number,
): Promise<EndWaiter> {
  const { bus, topology, clock } = runtime;
  const { subjects } = topology;
  const filter =
    shard === undefined ? subjects.logOfRun(tenant, run, "ended") : subjects.log(tenant, shard, run, "ended");
  const anyOfRun = subjects.logOfRun(tenant, run, ">");
  const { promise, resolve, reject } = Promise.withResolvers<Ended>();
  // The caller may have stopped waiting.
  promise.catch(() => {});
  let knownShard = shard;
  const cleanups: (() => void)[] = [];
  let stopped = false;
  const stop = () => {
    stopped = true;
    for (const cleanUp of cleanups.splice(0)) cleanUp();
  };
  const end = (body: Ended) => {
    if (stopped) return;
    stop();
    resolve(body);
  };
  const fail = (error: unknown) => {
    if (stopped) return;
    stop();
    reject(asTuttiError(error));
  };
  /** Whether the log is known to have the run, and whether the run was missing at the last look-up. */
  let isKnown = false;
  let wasMissing = false;
  const ifGone = (error: unknown): undefined => {
    if (!isKnown || !isBusError(error, "no-stream")) throw error;
  };
  const check = async () => {
    const last = await readEnd(runtime, tenant, run, knownShard).catch(ifGone);
    if (last) end(last.body);
    return last !== undefined;
  };
  /** Fails if the run is no longer in the log: it was lost with its stream, or has expired. Two look-ups must agree. */
  const lookForRun = async () => {
    const isThere = (await bus.getLastMessage(topology.streams.log.name, anyOfRun).catch(ifGone)) !== undefined;
    if (wasMissing && !isThere) return fail(lostRun(run));
    wasMissing = !isThere;
    if (wasMissing && !stopped) cancelMissing = clock.timer(MISSING_MS, checkQuietly);
  };
  let cancelMissing = () => {};
  const failClosed = () => {
    fail(new TuttiError(503, `run ${run} had not ended when the connection to ${bus.description} was closed`, { run }));
  };
  const checkQuietly = () => {
    const look = async () => {
      if (!(await check()) && isKnown) await lookForRun();
    };
    look().catch(() => {});
  };
  let cancelLook = () => {};
  let lastReceived: Uint8Array | undefined;
  const look = async (received: Uint8Array, pauses: readonly number[]): Promise<void> => {
    try {
      if (stopped || (await check())) return;
      // In a log with a short age, the whole run may have expired already.
      if (!stopped && (await bus.getLastMessage(topology.streams.log.name, anyOfRun)) === undefined) {
        const body = readEventBody("ended", received);
        if (body) return end(body);
      }
    } catch (error) {
      if (isOfNewerBuild(error)) return fail(error);
    }
    const [pause, ...rest] = pauses;
    // A message that was received since has started a look-up of its own.
    if (stopped || pause === undefined || received !== lastReceived) return;
    cancelLook = clock.timer(pause, () => void look(received, rest));
  };
  // The run may end before the subscription is confirmed.
  const subscription = await bus.subscribe(filter, ({ subject, data }) => {
    knownShard ??= parseLogSubject(subjects, subject).shard;
    lastReceived = data;
    cancelLook();
    void look(data, LOOK_AGAIN_MS);
  });
  cleanups.push(
    () => void subscription.stop(),
    () => cancelLook(),
    () => cancelMissing(),
  );
  let disarm = () => {};
  const arm = () => {
    disarm = clock.timer(CHECK_MS, () => {
      checkQuietly();
      arm();
    });
  };
  arm();
  cleanups.push(
    () => disarm(),
    bus.onEvent(({ type }) => {
      if (type === "reconnected" || type === "lost") checkQuietly();
      if (type === "closed") failClosed();
    }),
  );
  if (stopped) stop();
  const begun = () => {
    isKnown = true;
  };
  return { ended: promise, begun, check, stop };
}

/** Whether a newer build wrote the end. Any other error may be transient: the log is read again. */
const isOfNewerBuild = (error: unknown): boolean =>
  error instanceof NewerVersion || (error instanceof TuttiError && error.code === 503);
