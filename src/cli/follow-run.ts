import type { Tutti } from "../app.ts";
import { TuttiError } from "../core/error.ts";
import type { Json } from "../core/json.ts";
import type { RunSummary } from "../core/run-view.ts";
import type { Display } from "./display.ts";
import { RunFailure } from "./failure.ts";
import { explainFailure } from "./root-cause.ts";
import { RunTree } from "./run-tree.ts";
import { onShutdown } from "./shutdown.ts";
import { Unattended } from "./unattended.ts";

/** The time that a run may take to end after the user has interrupted it. */
const CANCEL_WAIT_MS = 5_000;

/** Shows a run to its end. Resolves with its summary, or with undefined when `signal` aborts before. */
export async function showRun(
  app: Tutti,
  run: string,
  display: Display,
  options: { tenant?: string; signal?: AbortSignal } = {},
): Promise<RunSummary | undefined> {
  let last: RunSummary | undefined;
  using unattended = new Unattended(app, display.note);
  try {
    for await (const event of app.watch(run, options)) {
      display.show(event);
      unattended.take(event);
      if (event.kind === "run") last = event.run;
    }
  } catch (error) {
    if (!options.signal?.aborted) throw error;
  }
  return last?.endedAt ? last : undefined;
}

export interface FollowOptions {
  readonly tenant?: string;
  /** Creates a command line about the run; given when other processes can reach the bus. */
  readonly command?: (words: string) => string;
}

/**
 * Shows a run to its end and returns its output. A first signal cancels the run and waits for its end, a second one
 * ends the process. Rejects with a {@link RunFailure} (408, 422, 499), or when the run cannot be followed.
 */
export async function followToEnd(
  app: Tutti,
  run: string,
  display: Display | undefined,
  { command, ...options }: FollowOptions = {},
): Promise<Json> {
  const patience = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const stopListening = onShutdown((signal) => {
    display?.note(`${signal}: cancelling run ${run}; again to exit at once`);
    timer = setTimeout(
      () => patience.abort(new Error(`run ${run} was cancelled and has not ended yet`)),
      CANCEL_WAIT_MS,
    );
    app
      .cancel(run, { ...options, by: "the command line", reason: signal })
      .catch((error: unknown) => patience.abort(error));
  });
  try {
    if (display) await showRun(app, run, display, { ...options, signal: patience.signal });
    patience.signal.throwIfAborted();
    return await app.result(run, { ...options, signal: patience.signal });
  } catch (error) {
    throw patience.signal.aborted ? error : await explained(app, run, options, error, command);
  } finally {
    clearTimeout(timer);
    stopListening();
    display?.[Symbol.dispose]();
  }
}

/** The error with details from the run's tree. If the run cannot be read, the error stays as it is. */
async function explained(
  app: Tutti,
  run: string,
  options: { tenant?: string },
  error: unknown,
  command: FollowOptions["command"],
): Promise<unknown> {
  if (!(error instanceof TuttiError) || !ENDS.has(error.code)) return error;
  const view = await app.get(run, options).catch(() => undefined);
  return view ? new RunFailure(error.toJSON(), explainFailure(RunTree.of(view), command), { cause: error }) : error;
}

/** The codes with which a run may end. */
const ENDS: ReadonlySet<number> = new Set([408, 422, 499]);
