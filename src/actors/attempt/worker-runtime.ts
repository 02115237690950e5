import type { ModelProvider } from "../../core/model.ts";
import type { Services } from "../../core/services.ts";
import type { HandlerContext } from "../../define/worker.ts";
import type { Runtime } from "../host/runtime.ts";
import type { LiveReporter } from "./live-reporter.ts";

/** What attempts use of their process. */
export interface WorkerRuntime extends Runtime {
  readonly models: ModelProvider;
  readonly services: Services;
  readonly live: LiveReporter;
  /** See `HandlerContext.breaker`. */
  readonly breaker: HandlerContext<unknown>["breaker"];
  /** See `HandlerContext.openFile`. */
  readonly openFile: HandlerContext<unknown>["openFile"];
}
