import type { ModelProvider } from "../../core/model.ts";
import type { HandlerContext } from "../../define/worker.ts";
import type { Runtime } from "../host/runtime.ts";
import type { LiveReporter } from "./live-reporter.ts";

/** What attempts use of their process. */
export interface WorkerRuntime extends Runtime {
  readonly models: ModelProvider;
  readonly live: LiveReporter;
  /** See `HandlerContext.openFile`. */
  readonly openFile: HandlerContext<unknown>["openFile"];
}
