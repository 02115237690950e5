import { parseDuration } from "./duration.ts";

/** So many in any such time. */
export interface Rate {
  readonly most: number;
  readonly perMs: number;
}

export const RATE_EXPECTED = 'a number and a time such as "100/1m"';
const RATE = /^([1-9]\d{0,8})\/(.+)$/;

/** The rate that a text such as `100/1m` means; undefined: none. */
export function parseRate(text: string): Rate | undefined {
  const [, most, per] = RATE.exec(text) ?? [];
  const perMs = per === undefined ? undefined : parseDuration(per);
  return perMs ? { most: Number(most), perMs } : undefined;
}
