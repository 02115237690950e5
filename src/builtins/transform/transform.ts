import { z } from "zod";
import { TerminalError } from "../../core/error.ts";
import { json } from "../../core/json.ts";
import { task } from "../../define/task.ts";
import { worker } from "../../define/worker.ts";
import { MOST_MEMORY_MIB, runApart } from "./transform-runner.ts";

/** Characters of an expression. */
const LONGEST = 20_000;

export const transformTask = task("transform", {
  description: "Transforms JSON by an expression in JSONata (https://jsonata.org): selects, computes, regroups.",
  input: z.strictObject({
    /** In JSONata. */
    expression: z.string().min(1).max(LONGEST),
    /** What the expression is about. */
    data: json,
  }),
  output: json,
  timeout: "10s",
  retry: { attempts: 1 },
});

/**
 * JSONata is a language for programs: an expression may take for ever, or all memory. It runs in a process of its own,
 * which is killed when the attempt is over or when it has taken more than 128 MiB.
 */
export const transformWorker = worker(transformTask, async ({ input: { expression, data }, signal }) => {
  const answer = await runApart({ expression, data: JSON.stringify(data) }, signal);
  if (answer === "out-of-memory")
    throw new TerminalError(
      `expected an expression that takes at most ${MOST_MEMORY_MIB} MiB, received one that takes more`,
    );
  if ("problem" in answer)
    throw new TerminalError(`expected an expression in JSONata that can be evaluated, received: ${answer.problem}`);
  // JSONata says nothing of a field that is not there.
  if ("nothing" in answer)
    throw new TerminalError("expected an expression that gives a value, received nothing: is a field misspelt?");
  return JSON.parse(answer.json);
});
