import type { Tutti, TuttiOptions } from "../app.ts";
import { createObjective } from "../builtins/objective.ts";
import { TuttiError } from "../core/error.ts";
import type { Json } from "../core/json.ts";
import { checkOptions } from "../core/known-options.ts";
import { show } from "../core/problem.ts";
import { worker } from "../define/worker.ts";
import { tutti } from "../tutti.ts";
import { PatternTask, toPlan } from "./task.ts";
import { PatternWorker } from "./worker.ts";

export interface ModelOptions {
  /** Default: `TUTTI_MODEL`. */
  readonly model?: string;
  /** Of an OpenAI-compatible endpoint. Default: `OPENAI_BASE_URL`. */
  readonly baseUrl?: string;
  /** Default: `OPENAI_API_KEY`. */
  readonly apiKey?: string;
  /** Tasks of a plan that the model writes. Default 50. */
  readonly maxTasks?: number;
}

const MODEL_OPTIONS = { model: true, baseUrl: true, apiKey: true, maxTasks: true } as const;
/** Names of the task types that carry out a request of the orchestrator. */
const GRAPH = "execute-graph";
const OBJECTIVE = "execute-objective";

class Builder {
  readonly #workers: PatternWorker[] = [];
  #model: ModelOptions | undefined;

  /** Adds what `Worker()` makes. */
  addWorker(one: PatternWorker): this {
    if (!(one instanceof PatternWorker))
      throw new TuttiError(400, `addWorker: expected what Worker() makes, received ${show(one)}`);
    this.#workers.push(one);
    return this;
  }

  /** Lets a model decompose what `execute` is given as text. By its name, or with the endpoint. */
  withModel(model: string | ModelOptions = {}): this {
    const options = typeof model === "string" ? { model } : model;
    checkOptions("withModel", options, MODEL_OPTIONS);
    this.#model = options;
    return this;
  }

  /** Starts it: embedded, or on NATS with `bus`. Takes the options of `tutti()` but for `workers`. */
  async build(options: Omit<TuttiOptions, "workers"> = {}): Promise<Orchestrator> {
    const types = this.#workers.flatMap((one) => one.types);
    if (types.length === 0) throw new TuttiError(400, "OrchestratorBuilder: expected at least one addWorker(…)");
    const { maxTasks, ...endpoint } = this.#model ?? {};
    const planner = createObjective({ name: OBJECTIVE, types, ...(maxTasks !== undefined && { maxTasks }) });
    const graph = worker(GRAPH, {
      run: ({ input }) =>
        toPlan((input as { tasks: PatternTask["options"][] }).tasks.map((one) => new PatternTask(one))),
    });
    const env = { ...(options.env ?? process.env), ...asEnvironment(endpoint) };
    const app = await tutti({ ...options, env, workers: [...types, planner, graph] });
    return new Orchestrator(app, this.#model !== undefined);
  }
}

const asEnvironment = ({ model, baseUrl, apiKey }: ModelOptions) => ({
  ...(model !== undefined && { TUTTI_MODEL: model }),
  ...(baseUrl !== undefined && { OPENAI_BASE_URL: baseUrl }),
  ...(apiKey !== undefined && { OPENAI_API_KEY: apiKey }),
});

/** What `build()` makes. */
export class Orchestrator {
  /** The app below, for all that the pattern does not name: runs, watching, cancelling, dead letters. */
  readonly app: Tutti;
  readonly #hasModel: boolean;

  constructor(app: Tutti, hasModel: boolean) {
    this.app = app;
    this.#hasModel = hasModel;
  }

  /**
   * Executes tasks, and returns the output of one, or of several an object by id. Text is an objective, which the model
   * decomposes. Rejects with a TuttiError as `app.run` does; 400 for text without a model.
   */
  async execute(request: string | PatternTask | readonly PatternTask[]): Promise<Json> {
    if (typeof request === "string") {
      if (this.#hasModel) return this.app.run(OBJECTIVE, { objective: request });
      throw new TuttiError(400, "execute: expected tasks made with Task(), received text, which needs withModel(…)");
    }
    const tasks = Array.isArray(request) ? request : [request];
    if (tasks.length === 0 || !tasks.every((one) => one instanceof PatternTask))
      throw new TuttiError(400, `execute: expected text or tasks made with Task(), received ${show(request)}`);
    return this.app.run(GRAPH, { tasks: tasks.map(({ options }) => options) } as unknown as Json);
  }

  stop(): Promise<void> {
    return this.app.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

export type OrchestratorBuilder = Builder;
/**
 * Collects workers and builds an orchestrator of them, with or without `new`.
 *
 * @example
 * ```ts
 * const orchestrator = await OrchestratorBuilder().addWorker(researcher).addWorker(writer).withModel("gpt-5").build();
 * console.log(await orchestrator.execute("Compare the tides of the Wadden Sea and the Bay of Fundy"));
 * await orchestrator.stop();
 * ```
 */
// Not an arrow function, which could not be called with `new`.
export const OrchestratorBuilder = function createBuilder() {
  return new Builder();
} as unknown as { (): Builder; new (): Builder };
