/** The median. For an even number of values, it is the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
}

/**
 * Measures each contender once per round, one after another (A B A B …), so that a disturbance of the machine affects
 * all of them. Returns the results of each, round by round.
 */
export async function inTurn<T, Names extends string>(
  rounds: number,
  contenders: Readonly<Record<Names, () => Promise<T>>>,
  onRound: (round: number, results: Readonly<Record<Names, T>>) => void = () => {},
): Promise<Record<Names, T[]>> {
  const names = Object.keys(contenders) as Names[];
  const all = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Names, T[]>;
  for (let round = 1; round <= rounds; round++) {
    for (const name of names) all[name].push(await contenders[name]());
    onRound(round, Object.fromEntries(names.map((name) => [name, all[name].at(-1)])) as Record<Names, T>);
  }
  return all;
}

/** Rounds to `digits` after the decimal point. */
export const rounded = (value: number, digits = 0): number => Number(value.toFixed(digits));
