let lastMs = Number.NaN;
let lastText = "";
/** The text of the second that `lastMs` is in, with the dot behind it. */
let lastSecond = Number.NaN;
let secondText = "";

/** ISO 8601 in UTC, to the millisecond. Many things happen in one millisecond, and formatting costs half a microsecond. */
export function isoTime(ms: number): string {
  if (ms !== lastMs) {
    const whole = Math.trunc(ms);
    const second = Math.floor(whole / 1000);
    if (second !== lastSecond) {
      secondText = new Date(whole).toISOString().slice(0, -"000Z".length);
      lastSecond = second;
    }
    lastText = `${secondText}${String(whole - second * 1000).padStart(3, "0")}Z`;
    lastMs = ms;
  }
  return lastText;
}
