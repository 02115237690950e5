import type { HrTime } from "@opentelemetry/api";

/** Seconds and nanoseconds. A bare number could be taken for one on the process's own clock. */
export const toHrTime = (ms: number): HrTime => [Math.trunc(ms / 1000), Math.floor((ms % 1000) * 1e6)];
