import type { RunStatus } from "../core/event.ts";
import type { Explanation, Failure, Waiting } from "../core/explanation.ts";
import type { RunStep } from "../core/run-step.ts";
import { failedTaskOf } from "../fold/run-state.ts";
import { statusOf } from "../fold/view.ts";
import { costsOf } from "./costs.ts";
import { criticalPathOf } from "./critical-path.ts";
import { firstFailure } from "./failures.ts";
import type { RunTimeline } from "./run-timeline.ts";
import { longestWaits, spentOf, waitingNow } from "./waits.ts";

/** Why a run is as it is, as its log tells it. `now`: ms, for what is going on; of a run that has ended, its end counts. */
export function explain(steps: readonly RunStep[], timeline: RunTimeline, now: number): Explanation {
  const run = timeline.run!;
  const { end, submitted, submittedAt } = run;
  const status = end?.body.status ?? statusOf(run);
  const until = Math.max(end?.at ?? now, submittedAt);
  const failure = firstFailure(steps, timeline, status === "failed");
  const waiting = end ? { first: [], count: 0 } : waitingNow(timeline, until);
  return {
    run: run.run,
    type: submitted.type,
    status,
    submittedAt: new Date(submittedAt).toISOString(),
    ...(end && { endedAt: new Date(end.at).toISOString() }),
    ms: until - submittedAt,
    ...(failure && { failure }),
    waiting: waiting.first,
    waitingCount: waiting.count,
    longestWaits: longestWaits(timeline, until),
    criticalPath: criticalPathOf(timeline, until).map(({ task, ...interval }) => spentOf(task, interval)),
    costs: costsOf(timeline, until),
    next: nextSteps(run.run, status, failure, waiting.first, failedTaskOf(run) !== undefined),
  };
}

function nextSteps(
  run: string,
  status: RunStatus,
  failure: Failure | undefined,
  [longest]: readonly Waiting[],
  isRedrivable: boolean,
): Explanation["next"] {
  const steps: Explanation["next"] = [];
  const add = (command: string, why: string) => steps.push({ command, why });
  if (status === "failed" && isRedrivable) {
    add(`dead show ${run}`, "what the failed task was given");
    add(`dead redrive ${run}`, "once the reason is mended: try it again, and go on from what has succeeded");
  }
  if (longest?.what === "queued or running")
    add("workers", `whether a worker of ${longest.type} is alive and has room`);
  if (status === "running" && longest) add(`watch ${run}`, "follow it as it goes on");
  if (failure) add(`replay ${run} --at ${failure.sequence}`, "the tree at the failure, and what it took with it");
  else add(`replay ${run}`, "what each event of its log changed");
  return steps;
}
