let lastMs = Number.NaN;
let lastText = "";

/** ISO 8601 in UTC, to the millisecond. Many things happen in one millisecond, and formatting costs half a microsecond. */
export function isoTime(ms: number): string {
  if (ms !== lastMs) {
    lastText = new Date(ms).toISOString();
    lastMs = ms;
  }
  return lastText;
}
