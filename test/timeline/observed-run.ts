import { RunReplay } from "../../src/actors/log/run-replay.ts";
import { RunHistory } from "../../src/timeline/run-history.ts";
import { observeAll } from "../../src/timeline/run-observer.ts";
import { RunTimeline } from "../../src/timeline/run-timeline.ts";
import { addressOf, type FoldedRun } from "../support/folded-run.ts";

/** A log that was written event by event, observed as a reader of it would. */
export function observe(run: FoldedRun) {
  const history = new RunHistory();
  const timeline = new RunTimeline();
  const replay = new RunReplay(addressOf(), observeAll(history, timeline));
  for (const event of run.log) replay.take(0, event);
  return { history, timeline, events: history.events };
}
