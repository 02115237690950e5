import type { CheckedPlanV2 } from "../core/checked-plan.ts";
import type { TaskError } from "../core/error.ts";
import type { CheckedPlan } from "../core/plan-check.ts";
import type { Awaited } from "../core/wait.ts";

/** What an event brings that its effects need, beside its type. */
export interface StepData {
  readonly checked?: CheckedPlan | CheckedPlanV2;
  /** Of a map. */
  readonly items?: number;
  readonly awaited?: Awaited;
  /** Of a repetition: which of its rounds begins. */
  readonly round?: "first" | "next";
  readonly error?: TaskError | undefined;
  /** Of a deferral or a loss: when the next attempt opens, log time, ms. */
  readonly dueAt?: number;
  /** The attempt ends without its worker, which acknowledges it no more. */
  readonly isOrphaned?: boolean;
}
