import { z } from "zod";
import { TerminalError } from "../../core/error.ts";
import { json } from "../../core/json.ts";
import { task } from "../../define/task.ts";
import { worker } from "../../define/worker.ts";
import { MOST_MEMORY_MIB, runApart } from "./transform-runner.ts";

/** The longest expression, in characters. */
const LONGEST = 20_000;

export const transformTask = task("transform", {
  description: "Transforms JSON by an expression in JSONata (https://jsonata.org): selects, computes, regroups.",
  input: z.strictObject({
    /** An expression in JSONata. */
    expression: z.string().min(1).max(LONGEST),
    /** The input of the expression. */
    data: json,
  }),
  output: json,
  timeout: "10s",
  retry: { attempts: 1 },
});

/**
 * Evaluates a JSONata expression. JSONata is a programming language, so an expression may run for ever or take all
 * memory. It runs in a separate process, which is killed when the attempt is over or when it takes more than 128 MiB.
 */
export const transformWorker = worker(transformTask, async ({ input: { expression, data }, signal }) => {
  const answer = await runApart({ expression, data: JSON.stringify(data) }, signal);
  if (answer === "out-of-memory")
    throw new TerminalError(
      `expected an expression that takes at most ${MOST_MEMORY_MIB} MiB, received one that takes more`,
    );
  if ("problem" in answer)
    throw new TerminalError(`expected an expression in JSONata that can be evaluated, received: ${answer.problem}`);
  // JSONata does not report a field that does not exist.
  if ("nothing" in answer)
    throw new TerminalError("expected an expression that gives a value, received nothing: is a field misspelt?");
  return JSON.parse(answer.json);
});
