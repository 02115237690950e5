import { parseLogSubject } from "../../bus/subjects.ts";
import { TuttiError } from "../../core/error.ts";
import type { Ended } from "../../core/event.ts";
import { NewerVersion } from "../../core/upcast.ts";
import { asTuttiError } from "../host/bus-failure.ts";
import type { ReaderRuntime } from "../host/runtime.ts";
import { readEventBody } from "./log-event.ts";
import { readEnd } from "./run-ends.ts";

/** How often the log is asked, in case the live message was lost with a connection. */
const CHECK_MS = 15_000;
/** How long after an end was heard, and not found in the log, it is looked for again. */
const LOOK_AGAIN_MS = [20, 100, 500, 2000];

export interface EndWaiter {
  /**
   * Rejects when the run was ended by a newer build, whose words this one does not understand; and with 503 when the
   * connection is closed for good: the run goes on without us.
   */
  readonly ended: Promise<Ended>;
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
  const check = async () => {
    const last = await readEnd(runtime, tenant, run, knownShard);
    if (last) end(last.body);
    return last !== undefined;
  };
  const giveUp = () => {
    fail(new TuttiError(503, `run ${run} had not ended when the connection to ${bus.description} was closed`, { run }));
  };
  let cancelLook = () => {};
  let lastHeard: Uint8Array | undefined;
  const look = async (heard: Uint8Array, pauses: readonly number[]): Promise<void> => {
    try {
      if (stopped || (await check())) return;
      // Where ages are short, all of the run may have gone already.
      if ((await bus.getLastMessage(topology.streams.log.name, anyOfRun)) === undefined) {
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
  );
  const checkQuietly = () => void check().catch(() => {});
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
      if (type === "reconnected") checkQuietly();
      if (type === "closed") giveUp();
    }),
  );
  if (stopped) stop();
  return { ended: promise, check, stop };
}

/** Anything else may pass: the log is asked again, now and then. */
const isOfNewerBuild = (error: unknown): boolean =>
  error instanceof NewerVersion || (error instanceof TuttiError && error.code === 503);
