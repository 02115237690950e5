import { failStrayed } from "../actors/worker/stray-errors.ts";
import { describeFailure } from "./failure.ts";
import { printError } from "./session.ts";
import { paintFor } from "./style.ts";

const STRAYS = {
  unhandledRejection: "a promise that is not awaited was rejected",
  uncaughtException: "thrown where nothing catches it",
} as const;

/**
 * From now on this process outlives what handlers throw where nothing catches it: in a promise that is not awaited, in a
 * timer that was left behind. The attempt that it comes from fails, unless it is over; the error is printed, and all other
 * attempts go on. In `dev` it may be an orchestrator's error as well, so the message says no more than is known.
 */
export function outliveStrayErrors(): void {
  for (const [event, what] of Object.entries(STRAYS)) {
    process.removeAllListeners(event);
    process.on(event, (error: unknown) => {
      const attempt = failStrayed(error);
      const [message, ...rest] = describeFailure(error, paintFor(process.stderr), process.env.TUTTI_DEBUG === "1");
      printError(
        [message, `  ${what}${attempt ? ` by ${attempt.title}` : ""}; this process goes on`, ...rest].join("\n"),
      );
    });
  }
}
