import type { Attempt, TaskTimeline } from "./run-timeline.ts";

/**
 * What a task did, or waited for, from one moment to the next: a state of its chart; while an attempt is open, it was
 * `queued` until its worker began, and `running` from then on; where the log does not say when that was, `queued or
 * running`. Times in ms.
 */
export interface Interval {
  readonly what: string;
  readonly from: number;
  readonly to: number;
}

/** A task's time as intervals without a gap, from when it was planted to its end; `now` for what is going on. */
export function intervalsOf({ phases }: TaskTimeline, now: number): Interval[] {
  const found: Interval[] = [];
  for (const [index, { state, at, isOver, opened }] of phases.entries()) {
    const to = phases[index + 1]?.at ?? now;
    if (opened) found.push(...divide(opened, to));
    else if (!isOver) found.push({ what: state, from: at, to });
  }
  return found.filter(({ from, to }) => to > from);
}

/** The clock of a worker may differ from the log's: its moment counts within the attempt. */
export const beganAt = ({ openedAt, startedAt }: Attempt, to: number): number | undefined =>
  startedAt === undefined ? undefined : Math.min(to, Math.max(openedAt, startedAt));

function divide(attempt: Attempt, to: number): Interval[] {
  const began = beganAt(attempt, to);
  if (began === undefined) return [{ what: "queued or running", from: attempt.openedAt, to }];
  return [
    { what: "queued", from: attempt.openedAt, to: began },
    { what: "running", from: began, to },
  ];
}
