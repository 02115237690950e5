import { z } from "zod";

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
export const DURATION_EXPECTED = "a duration such as 500ms, 30s, 5m, 1.5h or 7d, or a number of milliseconds";

/** Reads `30s`, `1h30m`, `250` (milliseconds). Returns milliseconds, or undefined when it is not a duration. */
export function parseDuration(value: string | number): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) && value >= 0 ? value : undefined;
  const text = value.trim();
  if (/^\d+(\.\d+)?$/.test(text)) return parseDuration(Number(text));
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) total += Number(amount) * UNITS[unit!]!;
  return parseDuration(Math.round(total));
}

/** `30s` or a number of milliseconds in, milliseconds out. */
export const duration = z
  .union([z.string(), z.number()], { error: `expected ${DURATION_EXPECTED}` })
  .transform((value, context) => {
    const parsed = parseDuration(value);
    if (parsed !== undefined) return parsed;
    context.addIssue({ code: "custom", message: `expected ${DURATION_EXPECTED}`, input: value });
    return z.NEVER;
  });

export type Duration = string | number;

/** `1m 5s`, `1.2s`, `340ms`. */
export function formatDuration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)}ms`;
  if (ms < 9950) return `${(ms / 1000).toFixed(1)}s`;
  if (ms < 59_500) return `${Math.round(ms / 1000)}s`;
  if (ms < 60_000) return "1m 0s";
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes}m ${Math.floor((ms % 60_000) / 1000)}s`;
  return `${Math.floor(minutes / 60)}h ${minutes % 60}m`;
}
