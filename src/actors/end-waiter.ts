import { TuttiError } from "../core/error.ts";
import type { Ended } from "../core/event.ts";
import { asTuttiError } from "./bus-failure.ts";
import { readEventBody } from "./log-event.ts";
import { readEnd } from "./run-ends.ts";
import type { ReaderHost } from "./run-reader.ts";

/** How often the log is asked, in case the live message was lost with a connection. */
const CHECK_MS = 15_000;

export interface EndWaiter {
  /**
   * Rejects when the run was ended by a newer build, whose words this one does not understand; and with 503 when the
   * connection is closed for good: the run goes on without us.
   */
  readonly ended: Promise<Ended>;
  /** Asks the log now, for a run that may have ended before. */
  check(): Promise<void>;
  /** Stops waiting; `ended` then never resolves. */
  stop(): void;
}

/**
 * Waits for the end of a run, whichever orchestrator brings it about: log appends reach plain subscribers too, and
 * the log itself is asked after a reconnect and now and then. `shard`: where it is known, by whole subjects, which is cheaper.
 */
export async function waitForEnd(host: ReaderHost, tenant: string, run: string, shard?: number): Promise<EndWaiter> {
  const { bus, topology, clock } = host;
  const { subjects } = topology;
  const filter =
    shard === undefined ? subjects.logOfRun(tenant, run, "ended") : subjects.log(tenant, shard, run, "ended");
  const { promise, resolve, reject } = Promise.withResolvers<Ended>();
  // Nobody may wait any more.
  promise.catch(() => {});
  const taken: (() => void)[] = [];
  let stopped = false;
  const stop = () => {
    stopped = true;
    for (const giveBack of taken.splice(0)) giveBack();
  };
  const end = (body: Ended) => {
    stop();
    resolve(body);
  };
  const take = (data: Uint8Array) => {
    try {
      const body = readEventBody("ended", data);
      if (body) end(body);
    } catch (error) {
      stop();
      reject(asTuttiError(error));
    }
  };
  const giveUp = () => {
    stop();
    reject(
      new TuttiError(503, `run ${run} had not ended when the connection to ${bus.description} was closed`, { run }),
    );
  };
  // It may end before the subscription is confirmed.
  const subscription = await bus.subscribe(filter, (message) => take(message.data));
  taken.push(() => void subscription.stop());
  const check = async () => {
    const last = await readEnd(host, tenant, run, shard);
    if (last) end(last.body);
  };
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
