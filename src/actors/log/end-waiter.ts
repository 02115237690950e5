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

/** How often the log is asked, in case the live message was lost with a connection. */
const CHECK_MS = 15_000;
/** How long after a run was missing in the log it is looked for once more. */
const MISSING_MS = 1000;
/** How long after an end was heard, and not found in the log, it is looked for again. */
const LOOK_AGAIN_MS = [20, 100, 500, 2000];

export interface EndWaiter {
  /**
   * Rejects when the run was ended by a newer build, whose words this one does not understand; with 404 when the log has
   * nothing of it any more; and with 503 when the connection is closed for good: the run goes on without us.
   */
  readonly ended: Promise<Ended>;
  /** The log has the run: from now on it is lost when the log has nothing of it. */
  begun(): void;
  /** Asks the log now, for a run that may have ended before: whether it has. */
  check(): Promise<boolean>;
  /** Stops waiting; `ended` then never resolves. */
  stop(): void;
}

/**
 * Waits for the end of a run, whichever orchestrator brings it about: log appends reach plain subscribers too, and
 * the log itself is asked then, after a reconnect, and now and then. What is heard alone does not count, since the log
 * may refuse it: its writer may have lost the shard, or the log be full. `shard`: where it is known, by whole subjects,
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
  // Nobody may wait any more.
  promise.catch(() => {});
  let knownShard = shard;
  const taken: (() => void)[] = [];
  let stopped = false;
  const stop = () => {
    stopped = true;
    for (const giveBack of taken.splice(0)) giveBack();
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
  /** Whether the log is known to have the run; then, whether it was missing at the last look. */
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
  /** A run that the log had and has no more is lost, with its stream or by its age. Two looks must agree. */
  const lookForRun = async () => {
    const isThere = (await bus.getLastMessage(topology.streams.log.name, anyOfRun).catch(ifGone)) !== undefined;
    if (wasMissing && !isThere) return fail(lostRun(run));
    wasMissing = !isThere;
    if (wasMissing && !stopped) cancelMissing = clock.timer(MISSING_MS, checkQuietly);
  };
  let cancelMissing = () => {};
  const giveUp = () => {
    fail(new TuttiError(503, `run ${run} had not ended when the connection to ${bus.description} was closed`, { run }));
  };
  const checkQuietly = () => {
    const look = async () => {
      if (!(await check()) && isKnown) await lookForRun();
    };
    look().catch(() => {});
  };
  let cancelLook = () => {};
  let lastHeard: Uint8Array | undefined;
  const look = async (heard: Uint8Array, pauses: readonly number[]): Promise<void> => {
    try {
      if (stopped || (await check())) return;
      // Where ages are short, all of the run may have gone already.
      if (!stopped && (await bus.getLastMessage(topology.streams.log.name, anyOfRun)) === undefined) {
        const body = readEventBody("ended", heard);
        if (body) return end(body);
      }
    } catch (error) {
      if (isOfNewerBuild(error)) return fail(error);
    }
    const [pause, ...rest] = pauses;
    // Whoever heard something since looks by itself.
    if (stopped || pause === undefined || heard !== lastHeard) return;
    cancelLook = clock.timer(pause, () => void look(heard, rest));
  };
  // It may end before the subscription is confirmed.
  const subscription = await bus.subscribe(filter, ({ subject, data }) => {
    knownShard ??= parseLogSubject(subjects, subject).shard;
    lastHeard = data;
    cancelLook();
    void look(data, LOOK_AGAIN_MS);
  });
  taken.push(
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
  taken.push(
    () => disarm(),
    bus.onEvent(({ type }) => {
      if (type === "reconnected" || type === "lost") checkQuietly();
      if (type === "closed") giveUp();
    }),
  );
  if (stopped) stop();
  const begun = () => {
    isKnown = true;
  };
  return { ended: promise, begun, check, stop };
}

/** Anything else may pass: the log is asked again, now and then. */
const isOfNewerBuild = (error: unknown): boolean =>
  error instanceof NewerVersion || (error instanceof TuttiError && error.code === 503);
