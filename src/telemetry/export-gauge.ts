/**
 * Knows how full the queue between ended spans and their export is. The SDK's batching drops what exceeds its queue
 * without a word; with the gauge, code that makes many spans can wait for room, and a loss is logged.
 */
export interface ExportGauge {
  /** A sampled span has ended and goes into the queue, or is lost when that is full. */
  ended(): void;
  /** A batch leaves the queue. */
  exporting(spans: number): void;
  /** Its export is over; with `error`, its spans are lost. */
  exported(spans: number, error?: Error): void;
  /** See `Tracing.room`. */
  room(): Promise<void> | undefined;
  /** See `Tracing.exported`. */
  allExported(): Promise<void>;
}

export interface ExportGaugeOptions {
  /** Spans that the queue holds. */
  readonly capacity: number;
  /** How long one waits for room before the exporter counts as stuck. */
  readonly patienceMs: number;
  /** Exports what is queued, now. Never rejects. */
  readonly flush: () => Promise<void>;
  /** Exports begin to fail, with the first reason. */
  readonly onFailing: (why: string) => void;
  /** One has succeeded again. */
  readonly onRecovered: () => void;
  /** The queue is full; logged once until an export succeeds. */
  readonly onDropping: () => void;
}

export function createExportGauge(options: ExportGaugeOptions): ExportGauge {
  const { capacity, patienceMs, flush } = options;
  /** Ended and not yet exported; of these, `inFlight` have left the queue. */
  let pending = 0;
  let inFlight = 0;
  /** Ended, and exported or lost in that, since the beginning: they leave the queue in the order in which they came. */
  let endedSoFar = 0;
  let exportedSoFar = 0;
  /** In the order of what they wait for. */
  const awaited: { readonly upTo: number; readonly resolve: () => void }[] = [];
  let failing = false;
  let dropping = false;
  /** No code waits for the exporter while it is stuck or fails. */
  let stuck = false;
  let waiting: { promise: Promise<void>; end: () => void } | undefined;

  const hasRoom = () => pending < capacity / 2;

  const wait = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const patience = setTimeout(() => {
      stuck = true;
      end();
    }, patienceMs);
    const end = () => {
      clearTimeout(patience);
      waiting = undefined;
      resolve();
    };
    waiting = { promise, end };
    // A batch in flight brings the next one with it; a queue below the size of a batch would wait for the SDK's timer.
    if (inFlight === 0) void flush();
    return promise;
  };

  return {
    ended() {
      if (pending - inFlight < capacity) {
        pending++;
        endedSoFar++;
      } else if (!dropping) {
        dropping = true;
        options.onDropping();
      }
    },
    exporting(spans) {
      inFlight += spans;
    },
    exported(spans, error) {
      inFlight -= spans;
      pending -= spans;
      exportedSoFar += spans;
      while (awaited[0] && awaited[0].upTo <= exportedSoFar) awaited.shift()!.resolve();
      stuck = error !== undefined;
      if (error && !failing) options.onFailing(describe(error));
      if (!error && failing) options.onRecovered();
      failing = error !== undefined;
      if (!error) dropping = false;
      if (stuck || hasRoom()) waiting?.end();
      else if (waiting && inFlight === 0) void flush();
    },
    allExported() {
      if (exportedSoFar >= endedSoFar) return Promise.resolve();
      return new Promise((resolve) => awaited.push({ upTo: endedSoFar, resolve }));
    },
    room() {
      if (stuck || hasRoom()) return undefined;
      return waiting?.promise ?? wait();
    },
  };
}

/** Node's connection errors may have nothing but a code. */
function describe(error: Error & { code?: unknown }): string {
  return error.message || String(error.code ?? error.name);
}
