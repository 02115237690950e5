/** What a user's tests need: an embedded Tutti on a clock that the test moves. */
import "./node-version.ts";

import type { Tutti, TuttiOptions } from "./app.ts";
import { guardByClock } from "./clock-guard.ts";
import { createVirtualClock, type VirtualClock } from "./core/virtual-clock.ts";
import { tutti } from "./tutti.ts";

export {
  createVirtualClock,
  type VirtualClock,
  VirtualClockError,
  type VirtualClockOptions,
} from "./core/virtual-clock.ts";

export interface TestTutti {
  /** Its promises reject when they are awaited while the clock stands still. */
  readonly app: Tutti;
  /** Backoffs, timeouts and deadlines come when the test advances it; nothing waits in real time. */
  readonly clock: VirtualClock;
}

/** Runs and tasks that are named when the clock stops at its limit. */
const MOST_NAMED = 5;
/** What a question takes on the virtual clock, at most. */
const QUESTION_MS = 60_000;

/**
 * An embedded Tutti whose time is the test's. It reads no environment, so no model is configured unless `env` says so.
 * Await what it does by the clock, its end too: otherwise nothing of it ever happens. The clock stops, with an error that
 * says what is waited for, after an hour of its time or the limit that the call states.
 *
 * @example
 * ```ts
 * const { app, clock } = await startTestTutti({ workers: [flaky] });
 * expect(await clock.runUntilSettled(app.run(flaky, {}))).toBe("succeeded at attempt 3");
 * await clock.runUntilSettled(app.run(patient, {}), 7 * 86_400_000); // may take a week
 * await clock.runUntilSettled(app.stop());
 * ```
 */
export async function startTestTutti(options: Omit<TuttiOptions, "bus"> & { seed?: number } = {}): Promise<TestTutti> {
  const { seed, ...rest } = options;
  const describeWaiting = async (): Promise<string> => (app === undefined ? "" : describeRuns(app, clock));
  const clock = createVirtualClock({ ...(seed !== undefined && { seed }), describeWaiting });
  let app: Tutti | undefined;
  app = await clock.runUntilSettled(tutti({ env: {}, ...rest }, { clock }));
  return { app: guardByClock(app, clock), clock };
}

/** `Waiting: run r (digest): part-1 (summarize) is backingOff, attempt 2.` */
async function describeRuns(app: Tutti, clock: VirtualClock): Promise<string> {
  const runs = (await clock.runUntilSettled(app.list(), QUESTION_MS)).filter(({ status }) => status === "running");
  const lines: string[] = [];
  for (const { run } of runs.slice(0, MOST_NAMED)) {
    const { type, tasks } = await clock.runUntilSettled(app.get(run), QUESTION_MS);
    const open = tasks.filter(
      ({ state }) => !["succeeded", "failed", "cancelled", "blocked", "expanded"].includes(state),
    );
    const named = open
      .slice(0, MOST_NAMED)
      .map((one) => `${one.task} (${one.type}) is ${one.state}, attempt ${one.attempt}`);
    const more = open.length > MOST_NAMED ? `, and ${open.length - MOST_NAMED} more` : "";
    lines.push(`run ${run} (${type}): ${named.join(", ")}${more}`);
  }
  if (lines.length === 0) return "No run is in progress.";
  return `Waiting: ${lines.join("; ")}${runs.length > MOST_NAMED ? `; and ${runs.length - MOST_NAMED} more runs` : ""}.`;
}
