/** The words of the orchestrator-workers pattern over Tutti: see docs/pattern.md for what stands for what. */
import "./node-version.ts";

export { type ModelOptions, Orchestrator, OrchestratorBuilder } from "./pattern/orchestrator.ts";
export { type PatternTask, Task, type TaskOptions } from "./pattern/task.ts";
export { type PatternWorker, type TaskContext, Worker, type WorkerOptions } from "./pattern/worker.ts";
