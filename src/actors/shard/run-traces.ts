import { messageOf } from "../../core/error.ts";
import type { RunState } from "../../fold/run-state.ts";
import { attemptOf, type TaskRecord } from "../../fold/task-record.ts";
import { tracingEnabled } from "../../telemetry/attempt-span.ts";
import { recordRun } from "../../telemetry/record-run.ts";
import { traceOf } from "../../telemetry/trace-context.ts";
import { attemptTraceparent, isRunSampled } from "../../telemetry/tracing.ts";
import type { RunObserver } from "../../timeline/run-observer.ts";
import { RunTimeline } from "../../timeline/run-timeline.ts";
import { InProgress } from "../host/in-progress.ts";
import type { Runtime } from "../host/runtime.ts";
import { tracedRun } from "./run-trace.ts";

type TracesHost = Pick<Runtime, "log" | "topology">;

/**
 * The traces of the runs of a process. While spans are exported, what became of each task of a sampled run is noted as its
 * events are folded, in a replay too; when the run has ended, its spans are written from that.
 */
export class RunTraces {
  readonly #runtime: TracesHost;
  readonly #timelines = new WeakMap<RunState, RunTimeline>();
  readonly #writing = new InProgress();

  constructor(runtime: TracesHost) {
    this.#runtime = runtime;
  }

  /** Who is to be shown the events of one run; undefined while nothing is exported. */
  observerOf(): RunObserver | undefined {
    if (!tracingEnabled()) return undefined;
    let timeline: RunTimeline | undefined;
    return {
      observe: (run, event, effects) => {
        if (event.kind === "submitted") {
          timeline = isRunSampled(traceOf(run.run, run.submitted.trace)) ? new RunTimeline() : undefined;
          if (timeline) this.#timelines.set(run, timeline);
        }
        timeline?.observe(run, event, effects);
      },
    };
  }

  /**
   * The header of a task's message. A process that exports nothing hands the caller's context on, or workers that do export
   * would be orphans.
   */
  traceparentOf(task: TaskRecord): string | undefined {
    const { run, submitted } = task.run;
    return tracingEnabled() ? attemptTraceparent(run, task.id, attemptOf(task), submitted.trace) : submitted.trace;
  }

  /** The run has ended: its spans are written. */
  ended(run: RunState): void {
    const timeline = this.#timelines.get(run);
    if (!timeline || !tracingEnabled()) return;
    this.#writing.add(this.#write(run, timeline));
  }

  async #write(run: RunState, timeline: RunTimeline): Promise<void> {
    try {
      await recordRun(tracedRun(timeline, timeline.rounds.length, { subjects: this.#runtime.topology.subjects }));
    } catch (error) {
      this.#runtime.log("warn", `the trace of run ${run.run} could not be written: ${messageOf(error)}`);
    }
  }

  /** Resolves when what has been begun is handed to the exporter. */
  finished(): Promise<void> {
    return this.#writing.finished();
  }
}
