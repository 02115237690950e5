import { loadMutant } from "./mutant.ts";
import type { Mutation } from "./mutations.ts";

export interface Catch {
  readonly mutation: string;
  /** Undefined: it was not found. */
  readonly seed: number | undefined;
  readonly invariant: string | undefined;
  readonly seconds: number;
}

/** Lets the simulator look for a deliberate bug, in so many seeds. */
export async function hunt(mutation: Mutation, seeds: number): Promise<Catch> {
  const began = performance.now();
  const { simulate, isAgeing } = await loadMutant(mutation);
  const caught = (seed?: number, invariant?: string): Catch => ({
    mutation: mutation.name,
    seed,
    invariant,
    seconds: (performance.now() - began) / 1000,
  });
  for (let seed = 1; seed <= seeds; seed++) {
    // These take longer, and show other things.
    if (isAgeing(seed) !== (mutation.ageing === true)) continue;
    const { violation } = await simulate(seed, mutation.faults ? { faults: mutation.faults } : {});
    if (violation) return caught(seed, violation.invariant);
  }
  return caught();
}

export const describeCatch = ({ mutation, seed, invariant, seconds }: Catch): string =>
  seed === undefined
    ? `NOT FOUND: ${mutation} (${seconds.toFixed(1)} s)`
    : `found: ${mutation} (seed ${seed} violates "${invariant}", ${seconds.toFixed(1)} s)`;
