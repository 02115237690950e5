/** A moment as a worker may state it, in milliseconds since the epoch; undefined when it stated none. */
export function toMs(value: string | number | undefined): number | undefined {
  if (value === undefined) return undefined;
  const ms = typeof value === "number" ? value : parseTime(value);
  // Foreign workers may say anything; a moment that no Date can hold could not be shown.
  return Math.abs(ms) <= LATEST_MS ? ms : undefined;
}
const LATEST_MS = 8.64e15;

/** Many attempts start in one millisecond. */
function parseTime(text: string): number {
  if (text !== lastTime) {
    lastMs = Date.parse(text);
    lastTime = text;
  }
  return lastMs;
}
let lastTime: string | undefined;
let lastMs = Number.NaN;
