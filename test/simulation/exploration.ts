import type { Fault } from "./weather.ts";
import { type Report, simulate } from "./world.ts";

export interface Figures {
  readonly seeds: number;
  readonly runs: number;
  /** Handlers that were begun; of these, repetitions of what had been counted before. */
  readonly executions: number;
  readonly repeated: number;
  readonly virtualMs: number;
  readonly realMs: number;
}

export interface Exploration {
  /** The first seed that violates an invariant. */
  readonly found: Report | undefined;
  readonly figures: Figures;
}

/** Runs seed after seed until one violates an invariant. */
export async function explore(
  start: number,
  seeds: number,
  options: { readonly faults?: readonly Fault[]; readonly onReport?: (report: Report) => void } = {},
): Promise<Exploration> {
  const figures = { seeds: 0, runs: 0, executions: 0, repeated: 0, virtualMs: 0, realMs: 0 };
  const began = performance.now();
  let found: Report | undefined;
  for (let seed = start; seed < start + seeds && !found; seed++) {
    const report = await simulate(seed, options.faults ? { faults: options.faults } : {});
    options.onReport?.(report);
    figures.seeds++;
    figures.runs += report.runs;
    figures.executions += report.executions;
    figures.repeated += report.repeated;
    figures.virtualMs += report.virtualMs;
    if (report.violation) found = report;
  }
  figures.realMs = performance.now() - began;
  return { found, figures };
}

export function describeFigures({ seeds, runs, executions, repeated, virtualMs, realMs }: Figures): string {
  const seconds = realMs / 1000;
  const virtualHours = virtualMs / 3_600_000;
  return (
    `${seeds} seeds, ${runs} runs, ${executions} executions (${repeated} of what was done already), ` +
    `${virtualHours.toFixed(1)} virtual hours in ${seconds.toFixed(1)} s: ` +
    `${(seeds / seconds).toFixed(1)} seeds/s, ${(virtualHours / seconds).toFixed(3)} virtual hours/s`
  );
}

/** What a failing seed prints: what happened last, what does not hold, and how to see it again. */
export function describeViolation({ seed, violation, trace }: Report, last: number, faults?: readonly Fault[]): string {
  const only = faults ? ` --faults ${faults.join(",")}` : "";
  return [
    ...trace.last(last),
    "",
    `seed ${seed} violates "${violation!.invariant}": ${violation!.message}`,
    `${trace.events} events, hash ${trace.hash}`,
    `Again: npm run simulate -- --seeds 1 --start ${seed}${only} --trace`,
  ].join("\n");
}
