import type { Tutti, TuttiOptions } from "../../src/app.ts";
import { createMemoryBroker } from "../../src/bus/memory/bus.ts";
import { createVirtualClock } from "../../src/core/virtual-clock.ts";
import { tutti } from "../../src/tutti.ts";

/** Apps that share a log, in virtual time: nothing comes about while the test does not let time pass. */
export function createVirtualRuntime() {
  const clock = createVirtualClock();
  const broker = createMemoryBroker({ clock });
  /** Lets time pass until it has come about. */
  const passing = <T>(promise: Promise<T>) => clock.runUntilSettled(promise);
  const apps: Tutti[] = [];
  const logged: string[] = [];
  const onLog = (level: string, message: string) => void logged.push(`${level} ${message}`);
  return {
    clock,
    passing,
    logged,
    bus: broker.connect(),
    async start(options: TuttiOptions = {}): Promise<Tutti> {
      const app = await passing(tutti({ env: {}, shards: 4, onLog, ...options }, { clock, bus: broker.connect() }));
      apps.push(app);
      return app;
    },
    /** Lets time pass, a little at a time, until `check` holds. Fails after `mostMs` of it. */
    async until(what: string, check: () => boolean | Promise<boolean>, mostMs = 600_000): Promise<void> {
      const end = clock.monotonic() + mostMs;
      while (!(await check())) {
        if (clock.monotonic() >= end) throw new Error(`${mostMs} virtual ms passed in vain for: ${what}`);
        await clock.advance(20);
      }
    },
    async [Symbol.asyncDispose](): Promise<void> {
      for (const app of apps.toReversed()) await passing(app.stop({ graceMs: 0 }));
    },
  };
}
