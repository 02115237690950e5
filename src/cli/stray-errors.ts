import { failStrayed } from "../actors/attempt/stray-errors.ts";
import { describeFailure } from "./failure.ts";
import { printError } from "./session.ts";
import { paintFor } from "./style.ts";

const STRAYS = {
  unhandledRejection: "a promise that is not awaited was rejected",
  uncaughtException: "thrown where nothing catches it",
} as const;

/**
 * Lets this process survive errors of handlers that no code catches, in a promise that is not awaited or in a timer
 * that was left behind. The attempt that the error belongs to fails, unless it is over; the error is printed, and all
 * other attempts continue. In `dev` it may also be an error of the orchestrator, so the message only states what is
 * known.
 */
export function outliveStrayErrors(): void {
  for (const [event, what] of Object.entries(STRAYS)) {
    process.removeAllListeners(event);
    process.on(event, (error: unknown) => {
      const attempt = failStrayed(error);
      const [message, ...rest] = describeFailure(error, paintFor(process.stderr), process.env.TUTTI_DEBUG === "1");
      printError(
        [message, `  ${what}${attempt ? ` by ${attempt.title}` : ""}; this process continues`, ...rest].join("\n"),
      );
    });
  }
}
