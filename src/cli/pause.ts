import type { Command } from "commander";
import { addExamples } from "./command.ts";
import { addControl } from "./run-control.ts";

export function configure(command: Command): void {
  addControl(
    command,
    (app, run, options) => app.pause(run, options),
    (what) => `${what} is paused: nothing of it starts; what has started goes on`,
  );
  addExamples(
    command,
    `pause 0VJ8kXkq3fT2 --reason "the site is down" --bus nats://127.0.0.1:4222`,
    "pause 0VJ8kXkq3fT2 part-3",
  );
}
