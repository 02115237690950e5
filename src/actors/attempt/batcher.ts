import type { Clock } from "../../core/clock.ts";
import { TerminalError } from "../../core/error.ts";
import { show } from "../../core/problem.ts";
import type { BatchExecution, HandlerContext, Worker } from "../../define/worker.ts";
import { asAttempt } from "./stray-errors.ts";

/** Batches of a type at once, where its worker states nothing. */
export const BATCHES = 1;

/** Those of the workers that take many, by type. */
export const createBatchers = (clock: Clock, workers: readonly Worker[]): ReadonlyMap<string, Batcher> =>
  new Map(
    workers.flatMap(({ type, batch, concurrency = BATCHES }) =>
      batch ? [[type, new Batcher(clock, type, batch, concurrency)] as const] : [],
    ),
  );

/** The attempts of a type at once, where it has a limit of its own: of a worker that takes many, those of all its batches. */
export const slotsOf = (worker: Worker | undefined): number | undefined =>
  worker?.batch ? (worker.concurrency ?? BATCHES) * worker.batch.size : worker?.concurrency;

interface Member {
  readonly context: HandlerContext;
  readonly resolve: (returned: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Gathers the tasks of a worker that takes many, calls its handler, and hands each task its own result. Tasks are attempts
 * of their own in all else: their signals, timeouts, results, acknowledgements and spans.
 *
 * A batch goes when it is full, or when the first of it has waited long enough; at most `concurrency` of them are in
 * progress at once.
 */
export class Batcher {
  readonly #clock: Clock;
  readonly #type: string;
  readonly #execution: BatchExecution;
  readonly #concurrency: number;
  #members: Member[] = [];
  #inProgress = 0;
  /** The first of the members has waited long enough. */
  #isDue = false;
  #disarm: (() => void) | undefined;

  constructor(clock: Clock, type: string, execution: BatchExecution, concurrency: number) {
    this.#clock = clock;
    this.#type = type;
    this.#execution = execution;
    this.#concurrency = concurrency;
  }

  /** Resolves with what the handler returns for the task, or rejects with what it failed by. */
  add(context: HandlerContext): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#members.push({ context, resolve, reject });
    this.#disarm ??= this.#clock.timer(this.#execution.waitMs, () => this.flush());
    this.#go();
    return promise;
  }

  /** No more tasks come for now: what is there does not wait for others. */
  flush(): void {
    this.#isDue = true;
    this.#go();
  }

  #go(): void {
    const { size } = this.#execution;
    while (this.#inProgress < this.#concurrency && (this.#members.length >= size || this.#isDue)) {
      // One that was aborted meanwhile has its outcome.
      this.#members = this.#members.filter(({ context }) => !context.signal.aborted);
      const batch = this.#members.splice(0, size);
      if (this.#members.length === 0) this.#rest();
      if (batch.length === 0) return;
      void this.#call(batch);
    }
  }

  #rest(): void {
    this.#isDue = false;
    this.#disarm?.();
    this.#disarm = undefined;
  }

  async #call(batch: readonly Member[]): Promise<void> {
    this.#inProgress++;
    const fail = (error: unknown) => {
      for (const { reject } of batch) reject(error);
    };
    try {
      const title = `a batch of ${batch.length} tasks of ${this.#type}`;
      const contexts = batch.map(({ context }) => context);
      const returned = await asAttempt({ title, fail }, () => this.#execution.handler(contexts));
      const results = this.#resultsOf(returned, batch.length);
      batch.forEach(({ resolve, reject }, i) => {
        const result = results[i];
        if (result instanceof Error) reject(result);
        else resolve(result);
      });
    } catch (error) {
      fail(error);
    }
    this.#inProgress--;
    this.#go();
  }

  /** Other results would be given to the wrong tasks, and another try would return them again. */
  #resultsOf(returned: unknown, count: number): readonly unknown[] {
    if (Array.isArray(returned) && returned.length === count) return returned;
    const received = Array.isArray(returned) ? returned.length : show(returned);
    throw new TerminalError(
      `the batch handler of ${this.#type}: expected a list of ${count} results, one for each task in order, received ${received}`,
    );
  }
}
