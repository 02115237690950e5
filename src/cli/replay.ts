import { type Command, InvalidArgumentError } from "commander";
import type { Tutti } from "../app.ts";
import type { RunStep } from "../core/run-step.ts";
import { addExamples } from "./command.ts";
import { UsageError } from "./failure.ts";
import { addCommon, type CommonOptions, JSON_LINES, positiveInteger, requireBus, tenantOf } from "./options.ts";
import { printJson, printLines } from "./output.ts";
import { paintFor } from "./style.ts";

interface Options extends CommonOptions {
  readonly at?: number;
  readonly until?: string;
  readonly step?: boolean;
  readonly task?: string;
}

/** Lines of a tree; more are counted. */
const MOST_LINES = 200;
const PIPE_WIDTH = 120;

export function configure(command: Command): void {
  addCommon(
    command
      .argument("RUN", "the run's id")
      .option(
        "--at <n>",
        "the run as it stood after the event of this number, as `tutti log` prints it",
        positiveInteger,
      )
      .option(
        "--until <time>",
        "the run as it stood then: ISO 8601, or a duration from its beginning such as 12s",
        readTime,
      )
      .option("--step", "in a terminal: go through the events with the arrow keys")
      .option(
        "--task <path>",
        "only what changed this task, or, with --at or --until, its chart with the state it was in",
      ),
    JSON_LINES,
  ).action(replay);
  addExamples(
    command,
    "replay 0VJ8kXkq3fT2 --bus nats://127.0.0.1:4222",
    "replay 0VJ8kXkq3fT2 --at 17",
    "replay 0VJ8kXkq3fT2 --until 12s --task part-3",
  );
}

/** Commander reports what this throws. A duration is kept as it is until the run's beginning is known. */
function readTime(text: string): string {
  if (!/^\d+(\.\d+)?(ms|s|m|h|d)/.test(text) && Number.isNaN(Date.parse(text)))
    throw new InvalidArgumentError("Expected a time by ISO 8601, or a duration such as 12s.");
  return text;
}

async function replay(run: string, options: Options): Promise<void> {
  const bus = requireBus(options);
  const given = [options.at, options.until, options.step].filter((one) => one !== undefined);
  if (given.length > 1)
    throw new UsageError("--at, --until and --step exclude each other", { expected: "one of them" });
  const { openClient } = await import("./session.ts");
  await using session = await openClient(bus);
  const { app } = session;
  if (options.at !== undefined || options.until !== undefined) return await showMoment(app, run, options);
  const steps = await app.steps(run, tenantOf(options));
  if (options.step) {
    const { stepThrough } = await import("./step-through.ts");
    // The session is open as long as this goes on.
    return await stepThrough(steps, (at) => app.replay(run, { ...tenantOf(options), at }));
  }
  const { task } = options;
  const concerned = task === undefined ? steps : steps.flatMap((step) => onlyOf(step, task));
  if (task !== undefined && concerned.length === 0) {
    const { TuttiError } = await import("../core/error.ts");
    const expected = "the path of a task, as in `tutti replay` without --task";
    throw new TuttiError(404, `run ${run} has no task ${task}, or nothing has happened to it yet`, { expected });
  }
  if (options.json) return concerned.forEach(printJson);
  const { renderStep } = await import("./step-line.ts");
  const paint = paintFor(process.stdout);
  printLines(concerned.flatMap((step) => renderStep(step, steps[0]!.at, paint)));
}

function onlyOf(step: RunStep, task: string): RunStep[] {
  const tasks = step.tasks.filter((one) => one.task === task);
  return tasks.length > 0 ? [{ ...step, tasks, run: [] }] : [];
}

async function showMoment(app: Tutti, run: string, options: Options): Promise<void> {
  const until = options.until === undefined ? undefined : await timeOf(app, run, options, options.until);
  const moment = await app.replay(run, {
    ...tenantOf(options),
    ...(options.at !== undefined && { at: options.at }),
    ...(until !== undefined && { until }),
  });
  if (options.json) return printJson(moment);
  const paint = paintFor(process.stdout);
  if (options.task !== undefined) {
    const { renderTaskChart } = await import("./task-chart.ts");
    const steps = await app.steps(run, tenantOf(options));
    return printLines(renderTaskChart(moment, steps, options.task, paint));
  }
  const { renderMoment } = await import("./moment-view.ts");
  const width = process.stdout.isTTY ? process.stdout.columns || 80 : PIPE_WIDTH;
  printLines(renderMoment(moment, { paint, width, rows: MOST_LINES }));
}

/** A duration counts from the run's beginning. */
async function timeOf(app: Tutti, run: string, options: Options, text: string): Promise<string | number> {
  const { parseDuration } = await import("../core/duration.ts");
  const ms = parseDuration(text);
  if (ms === undefined) return text;
  const { submittedAt } = await app.get(run, tenantOf(options));
  return Date.parse(submittedAt) + ms;
}
