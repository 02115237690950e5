import type { Command } from "commander";
import { addExamples } from "./command.ts";
import { addControl } from "./run-control.ts";

export function configure(command: Command): void {
  addControl(
    command,
    (app, run, options) => app.cancel(run, options),
    (what) => `${what} is being cancelled`,
  );
  addExamples(
    command,
    `cancel 0VJ8kXkq3fT2 --reason "wrong file" --bus nats://127.0.0.1:4222`,
    "cancel 0VJ8kXkq3fT2 part-3/translate",
  );
}
