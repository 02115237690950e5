import { describeFailure } from "./failure.ts";
import { printError } from "./session.ts";
import { paintFor } from "./style.ts";

const STRAYS = {
  unhandledRejection: "a promise that nobody awaits was rejected",
  uncaughtException: "thrown outside of every attempt",
} as const;

/**
 * From now on this process outlives what handlers throw where no attempt can catch it: in a promise that nobody awaits, in
 * a timer that was left behind. It is told, and whatever else is in hand goes on. In `dev` it may be an orchestrator's error
 * as well, so the message says no more than is known.
 */
export function outliveStrayErrors(): void {
  for (const [event, what] of Object.entries(STRAYS)) {
    process.removeAllListeners(event);
    process.on(event, (error: unknown) => {
      const [message, ...rest] = describeFailure(error, paintFor(process.stderr), process.env.TUTTI_DEBUG === "1");
      printError([message, `  ${what}; no attempt could catch it, and this process goes on`, ...rest].join("\n"));
    });
  }
}
