/** Memory that a process used, in bytes, at a time, in ms. */
export interface Sample {
  readonly at: number;
  readonly bytes: number;
}

export interface Trend {
  /** Of the line through the samples. */
  readonly bytesPerHour: number;
  /** What that comes to between the first sample and the last. */
  readonly grewBy: number;
  /** What may be: a part of the mean, which is what the samples scatter by. */
  readonly mayGrowBy: number;
  readonly isFlat: boolean;
}

/** Memory scatters by this part of its mean, whatever it does in the long run. */
const SCATTER = 0.1;
/** And by as many bytes where little is used. */
const LEAST_SCATTER = 5 * 2 ** 20;

/**
 * Whether memory grows. The slope is the median of those between any two samples (Theil and Sen), which a few that were
 * taken in the middle of a large run do not move. Throws for fewer than 3 samples.
 */
export function trendOf(samples: readonly Sample[]): Trend {
  const [first, last] = [samples[0], samples.at(-1)];
  if (!first || !last || samples.length < 3) throw new Error(`a trend takes 3 samples, received ${samples.length}`);
  const slopes = samples.flatMap((later, i) =>
    samples.slice(0, i).map((earlier) => (later.bytes - earlier.bytes) / (later.at - earlier.at)),
  );
  const bytesPerMs = median(slopes);
  const grewBy = bytesPerMs * (last.at - first.at);
  const mean = samples.reduce((sum, { bytes }) => sum + bytes, 0) / samples.length;
  const mayGrowBy = Math.max(SCATTER * mean, LEAST_SCATTER);
  return { bytesPerHour: bytesPerMs * 3_600_000, grewBy, mayGrowBy, isFlat: grewBy <= mayGrowBy };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
