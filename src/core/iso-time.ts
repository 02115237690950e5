let lastMs = Number.NaN;
let lastText = "";
/** Of the second of `lastMs`, with the dot behind it. */
let lastSecond = Number.NaN;
let secondText = "";

/** ISO 8601 in UTC, to the millisecond. Many things happen in one millisecond, and formatting costs half a microsecond. */
export function isoTime(ms: number): string {
  if (ms !== lastMs) {
    const second = Math.floor(ms / 1000);
    if (second !== lastSecond) {
      secondText = new Date(ms).toISOString().slice(0, -"000Z".length);
      lastSecond = second;
    }
    lastText = `${secondText}${String(Math.floor(ms) - second * 1000).padStart(3, "0")}Z`;
    lastMs = ms;
  }
  return lastText;
}
