import "./node-version.ts";

export type {
  Defaults,
  Limits,
  LogEntry,
  RunHandle,
  RunInput,
  RunNotice,
  RunOptions,
  RunOutput,
  RunRef,
  StreamLimit,
  Tutti,
  TuttiOptions,
  WatchEvent,
} from "./app.ts";
export { builtinWorkers } from "./builtins/builtin.ts";
export { document } from "./builtins/document.ts";
export {
  createObjective,
  type Objective,
  type ObjectiveOptions,
  type ObjectiveWorker,
  objective,
} from "./builtins/objective.ts";
export type { Approval, SignalAnswer } from "./core/approval.ts";
export type { CostsBy, CostView } from "./core/cost-view.ts";
export type { DeadLetter, DeadLetterBox, Redriven } from "./core/dead-letter.ts";
export type { Duration } from "./core/duration.ts";
export { DeferredError, RetryableError, TerminalError, TuttiError, type WireError } from "./core/error.ts";
export type { Explanation } from "./core/explanation.ts";
export type { Json } from "./core/json.ts";
export type { LimitControl, LimitView } from "./core/limit-view.ts";
export type { LiveKind } from "./core/live.ts";
export type {
  MessagePart,
  Model,
  ModelMessage,
  ModelOptions,
  ObjectOptions,
  Prompt,
  TextOptions,
} from "./core/model.ts";
export type { ModelsInput } from "./core/models-settings.ts";
export type { Priority } from "./core/names.ts";
export type { PolicyInput, RetryInput } from "./core/policy.ts";
export type { Problem } from "./core/problem.ts";
export type { JsonSchema } from "./core/registration.ts";
export type { RunDifference } from "./core/run-difference.ts";
export type { RunMoment, RunStep } from "./core/run-step.ts";
export type { RunTraceAnswer } from "./core/run-trace.ts";
export type { RunSummary, RunView, TaskView, WaitView } from "./core/run-view.ts";
export type { ServiceView } from "./core/service-view.ts";
export type { HeldType, ServiceBreaker, ServiceFigures } from "./core/services.ts";
export type { Batch } from "./define/batch.ts";
export { type PlanBuilder, plan } from "./define/plan.ts";
export { PlanOf } from "./define/plan-of.ts";
export type {
  AnyTaskHandle,
  Condition,
  EachOptions,
  PlannedAction,
  PlannedTaskOptions,
  Reduction,
  TaskHandle,
  WaitFor,
} from "./define/planned-options.ts";
export type { Outcome, Stats } from "./define/planned-types.ts";
export type { In, Out, Ref } from "./define/reference.ts";
export { type Task, type TaskInput, type TaskOptions, type TaskOutput, task } from "./define/task.ts";
export { cel, type Expression, orElse } from "./define/words.ts";
export {
  type BatchExecution,
  type BatchHandler,
  type Blobs,
  type ContractWorkerOptions,
  type FileLimits,
  type Handler,
  type HandlerContext,
  type Worker,
  type WorkerOptions,
  worker,
} from "./define/worker.ts";
export { CutAnswerError } from "./llm/answer.ts";
export {
  type Lease,
  Pool,
  type PoolFigures,
  type PoolMember,
  type PoolOptions,
  pool,
  type UseOptions,
} from "./llm/pool.ts";
export type { Resource, Slots } from "./llm/resource.ts";
export type { MemberFigures, Strategy, StrategyMaker } from "./llm/strategy.ts";
export type { ControlOptions, Marking, SignalOptions } from "./run-options.ts";
export { type TuttiParts, tutti } from "./tutti.ts";
