/** Sums of what attempts report, by name: whatever in it is a number. */
export type Sums = Record<string, number>;

/** Adds a report to sums. */
export function addSums(sums: Sums, usage: { readonly [name: string]: unknown }): void {
  for (const [name, value] of Object.entries(usage))
    if (typeof value === "number" && Number.isFinite(value) && value >= 0) sums[name] = (sums[name] ?? 0) + value;
}

/** Tokens of prompts and answers; a worker that does not tell them apart reports `tokens`. */
export const tokensOf = ({ inputTokens, outputTokens, tokens }: Sums): number =>
  inputTokens === undefined && outputTokens === undefined ? (tokens ?? 0) : (inputTokens ?? 0) + (outputTokens ?? 0);

export const costOf = ({ cost }: Sums): number => cost ?? 0;
