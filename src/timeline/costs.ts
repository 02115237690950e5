import type { Cost } from "../core/explanation.ts";
import { addSums } from "../core/usage-sums.ts";
import { beganAt } from "./intervals.ts";
import type { Attempt, RunTimeline } from "./run-timeline.ts";

/** What the tasks of each type took: the longest in execution first. */
export function costsOf(timeline: RunTimeline, now: number): Cost[] {
  const byType = new Map<string, Cost>();
  for (const { task, attempts } of timeline.tasks) {
    const { type } = task.spec;
    const cost = byType.get(type) ?? { type, tasks: 0, attempts: 0, runningMs: 0, queuedMs: 0, usage: {} };
    byType.set(type, cost);
    cost.tasks++;
    for (const attempt of attempts) add(cost, attempt, now);
  }
  for (const cost of byType.values()) {
    cost.runningMs = Math.round(cost.runningMs);
    cost.queuedMs = Math.round(cost.queuedMs);
  }
  return [...byType.values()].sort((a, b) => b.runningMs - a.runningMs || b.tasks - a.tasks);
}

function add(cost: Cost, attempt: Attempt, now: number): void {
  const to = attempt.endedAt ?? now;
  const began = beganAt(attempt, to);
  cost.attempts++;
  cost.queuedMs += (began ?? to) - attempt.openedAt;
  if (began !== undefined) cost.runningMs += to - began;
  addUsage(cost.usage, attempt);
}

/** Adds what an attempt reports to the sums: whatever in it is a number. */
export function addUsage(sums: Record<string, number>, { usage = {} }: Pick<Attempt, "usage">): void {
  addSums(sums, usage);
}
