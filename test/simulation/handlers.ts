import type { Clock } from "../../src/core/clock.ts";
import { sleep } from "../../src/core/clock.ts";
import { DeferredError, RetryableError, TerminalError } from "../../src/core/error.ts";
import type { Json } from "../../src/core/json.ts";
import type { Plan } from "../../src/core/plan.ts";
import { PlanOf } from "../../src/define/plan-of.ts";
import { type HandlerContext, type Worker, worker } from "../../src/define/worker.ts";
import { outputOf } from "./oracle.ts";
import type { Behaviour, SimulatedType } from "./workload.ts";

/** What the world wants to know of an execution. */
export interface Probe {
  started(context: HandlerContext, behaviour: Behaviour): void;
  ended(context: HandlerContext, behaviour: Behaviour): void;
  /** Attempts of the task before this one that were given back, and how many of these were deferred. */
  givenBack(context: HandlerContext): { readonly all: number; readonly deferred: number };
  /** Whether this execution is to be the end of its process. */
  kills(context: HandlerContext, behaviour: Behaviour): boolean;
}

interface Input {
  readonly behaviour: Behaviour;
  /** The root has none. */
  readonly refs?: readonly Json[];
}

/** The handlers of one process. Whoever executes a task comes to the same. */
export function createHandlers(types: readonly SimulatedType[], clock: Clock, probe: Probe): Worker[] {
  return types.map(({ type, retry, concurrency }) =>
    worker(type, {
      retry,
      ...(concurrency !== undefined && { concurrency }),
      async run(context) {
        const { behaviour, refs = [] } = context.input as Input;
        probe.started(context, behaviour);
        try {
          // A dead process goes no further.
          if (probe.kills(context, behaviour)) return await new Promise<never>(() => {});
          const { all, deferred } = probe.givenBack(context);
          return await execute({ ...context, attempt: context.attempt - all }, behaviour, refs, clock, deferred);
        } finally {
          probe.ended(context, behaviour);
        }
      },
    }),
  );
}

async function execute(
  { attempt, needs, signal }: HandlerContext,
  behaviour: Behaviour,
  refs: readonly Json[],
  clock: Clock,
  deferred: number,
): Promise<Json | PlanOf<Json>> {
  if (deferred < behaviour.deferrals) throw withoutStack(deferralOf(behaviour, deferred, clock.now()));
  const { failures, hangs, ms, retryAfterMs, ends } = behaviour;
  const isHanging = attempt > failures && attempt <= failures + hangs;
  if (isHanging || ms > 0) await sleep(clock, isHanging ? 1e9 : ms, signal);
  if (attempt <= failures)
    throw withoutStack(new RetryableError(`attempt ${attempt}`, retryAfterMs > 0 ? { retryAfterMs } : undefined));
  if (ends === "terminal") throw withoutStack(new TerminalError("never"));
  if (ends === "plan" || ends === "refused") return new PlanOf(planOf(behaviour));
  return outputOf(behaviour, refs, needs);
}

/** With a time, with a moment, and with neither. */
function deferralOf({ retryAfterMs }: Behaviour, times: number, now: number): DeferredError {
  const ms = 10 + retryAfterMs;
  return new DeferredError("not now", [{}, { retryAfterMs: ms }, { until: now + ms }][times % 3]);
}

/** The plan of a task, as data. */
export function planOf({ ends, children, output }: Behaviour): Plan {
  if (ends === "refused") return { v: 1, tasks: { a: { type: "t0", needs: ["nobody"] } } };
  const tasks = children.map(
    ({ key, behaviour, refs, needs, retry, timeout, priority }) =>
      [
        key,
        {
          type: behaviour.type,
          input: { behaviour, refs: refs.map((ref) => ({ $ref: ref })) } as unknown as Json,
          ...(needs.length > 0 && { needs: [...needs] }),
          ...(retry && { retry }),
          ...(timeout !== undefined && { timeout }),
          ...(priority && { priority }),
        },
      ] as const,
  );
  return { v: 1, tasks: Object.fromEntries(tasks), ...(output !== undefined && { output }) };
}

/** A stack says from where the simulation was called, and would make one seed's messages differ from play to play. */
function withoutStack(error: Error): Error {
  delete error.stack;
  return error;
}
