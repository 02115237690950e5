import { z } from "zod";
import { name } from "./names.ts";

/** Where a run can be looked at in a trace viewer. */
export const runTraceAnswer = z.object({
  run: name,
  /** The trace id, 32 hexadecimal digits. */
  trace: z.string(),
  /** Whether it is a snapshot of a run that goes on: a trace apart, which ends when it was asked for. */
  isSnapshot: z.boolean(),
});
export type RunTraceAnswer = z.output<typeof runTraceAnswer>;
