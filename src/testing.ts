/** What a user's tests need: an embedded Tutti on a clock that the test moves. */
import type { Tutti, TuttiOptions } from "./app.ts";
import { createVirtualClock, type VirtualClock } from "./core/virtual-clock.ts";
import { tutti } from "./tutti.ts";

export { createVirtualClock, type VirtualClock } from "./core/virtual-clock.ts";

export interface TestTutti {
  readonly app: Tutti;
  /** Backoffs, timeouts and deadlines come when the test advances it; nothing waits in real time. */
  readonly clock: VirtualClock;
}

/**
 * An embedded Tutti whose time is the test's. It reads no environment, so no model is configured unless `env` says so.
 * Await what it does with `clock.runUntilSettled(app.run(…))`, its end with `clock.runUntilSettled(app.stop())`: on its
 * own nothing of it ever comes to pass.
 */
export async function startTestTutti(options: Omit<TuttiOptions, "bus"> & { seed?: number } = {}): Promise<TestTutti> {
  const { seed, ...rest } = options;
  const clock = createVirtualClock(seed === undefined ? {} : { seed });
  const app = await clock.runUntilSettled(tutti({ env: {}, ...rest }, { clock }));
  return { app, clock };
}
