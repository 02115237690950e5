import type { z } from "zod";
import { TerminalError } from "../../core/error.ts";
import { describeProblems, problemsOf } from "../../core/problem.ts";

/** Validates by the type's schema; what does not match is final: the same value would fail again. */
export function parseBySchema(schema: z.ZodType, value: unknown, what: "input" | "output", type: string): unknown {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new TerminalError(
    `the ${what} of ${type} does not match its schema: ${describeProblems(problemsOf(parsed.error, value))}`,
  );
}
