import type { Command } from "commander";
import { addExamples } from "./command.ts";
import { addControl } from "./run-control.ts";

export function configure(command: Command): void {
  addControl(
    command,
    (app, run, options) => app.resume(run, options),
    (what) => `${what} goes on`,
  );
  addExamples(command, "resume 0VJ8kXkq3fT2 --bus nats://127.0.0.1:4222", "resume 0VJ8kXkq3fT2 part-3");
}
