import { formatDuration } from "../core/duration.ts";
import type { WaitView } from "../core/run-view.ts";
import { formatMoment } from "./output.ts";
import { asText, oneLine, shorten } from "./style.ts";

/** What a task waits for, of whom and until when: `for the signal approve from ada until 2026-05-04 13:07 (in 2h 5m): Publish it?` */
export function describeWait(wait: WaitView, now: number): string {
  const { ask, until } = wait;
  const time =
    until === undefined ? "" : ` until ${formatMoment(until).slice(0, MINUTES)} (${howLong(Date.parse(until) - now)})`;
  return `${describeWhat(wait)}${time}${ask === undefined ? "" : `: ${shorten(oneLine(asText(ask)), 100)}`}`.trimStart();
}

function describeWhat({ for: kind, name = "", from, isStored }: WaitView): string {
  switch (kind) {
    case "signal":
      return `for the signal ${name}${from ? ` from ${oneLine(from.join(", "))}` : ""}`;
    case "subject":
      return `for a message on ${oneLine(name)}${isStored ? "" : " (which no stream keeps)"}`;
    case "run":
      return `for the end of run ${name}`;
    case "start":
      return "for another run to be started";
    case "for":
    case "until":
      return "";
  }
}

/** Characters of a moment without its seconds: the line has little room. */
const MINUTES = 16;
const DAY_MS = 86_400_000;

function howLong(ms: number): string {
  if (ms <= 0) return "now";
  return `in ${ms < 2 * DAY_MS ? formatDuration(ms) : `${Math.floor(ms / DAY_MS)} days`}`;
}
