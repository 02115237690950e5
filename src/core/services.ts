import { z } from "zod";

/** What one process knows of a service that is called through a circuit breaker: a model of an endpoint, or any other. */
export const serviceFigures = z.object({
  /** `openai/gpt-5.6-terra`, `crm`. */
  name: z.string(),
  /** `limited`: the service works, and takes no more until then. */
  state: z.enum(["closed", "open", "halfOpen", "limited"]),
  /** Milliseconds since the epoch, as all moments here. */
  since: z.number(),
  reason: z.string().optional(),
  /** Open: when the next trial is made; limited: when calls are made again. */
  until: z.number().optional(),
  /** Calls in progress in this process. */
  load: z.int(),
  completed: z.int(),
  failed: z.int(),
  /** Calls that were spared, since the answer to an equal one was kept. */
  hits: z.int().optional(),
  /** Moving average of the time that a call takes. */
  latencyMs: z.number().optional(),
  /** A minute, over all processes. */
  limits: z.object({ requests: z.int().optional(), tokens: z.int().optional() }).optional(),
});
export type ServiceFigures = z.output<typeof serviceFigures>;

/** A task type that a worker does not take from its queue, because what it uses cannot be called now. */
export const heldType = z.object({ type: z.string(), reason: z.string(), until: z.number() });
export type HeldType = z.output<typeof heldType>;

/** Why the tasks of a type cannot be executed now. */
export interface Hindrance {
  readonly reason: string;
  /** When that may be over, milliseconds since the epoch. */
  readonly until: number;
  /** The tasks that may run nevertheless, at once, to see whether it is over. */
  readonly trials: number;
}

/** A circuit breaker for a service that a handler calls. */
export interface ServiceBreaker {
  /**
   * Calls the service, unless its breaker is open: then it rejects with a `DeferredError`, and the task that lets it through
   * is tried again at the right moment without using up an attempt. What `call` rejects with counts as the service's failure,
   * but for a `TerminalError` (the request is wrong), a `DeferredError` (a limit) and an abort.
   */
  run<T>(call: () => Promise<T>): Promise<T>;
}

/** The services of a process and how they stand. */
export interface Services {
  /** The breaker of that name, which all processes share. */
  breaker(name: string): ServiceBreaker;
  /** Resolves once it is known how these stand: aliases of models, models of endpoints, names of breakers. Never rejects. */
  prepare(names: readonly string[]): Promise<void>;
  /** Why a task that uses these cannot be executed now; undefined when it can. */
  hindranceOf(names: readonly string[]): Hindrance | undefined;
  /** Calls `listener` whenever a service may be usable that was not, or the other way round. Returns a function that ends this. */
  onChange(listener: () => void): () => void;
  figures(): readonly ServiceFigures[];
}
