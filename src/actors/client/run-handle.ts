import type { ControlOptions, Marking, RunHandle, SignalOptions, Tutti, WatchEvent } from "../../app.ts";
import type { SignalAnswer } from "../../core/approval.ts";
import type { Json } from "../../core/json.ts";
import type { RunView } from "../../core/run-view.ts";

type HandleOptions = Omit<ControlOptions, "tenant">;

/** A handle to a run, by its id and tenant. `T` is the type of its output, as far as the caller knows it. */
export class AppRunHandle<T> implements RunHandle<T> {
  readonly run: string;
  readonly tenant: string;
  readonly #app: Tutti;

  constructor(app: Tutti, run: string, tenant: string) {
    this.#app = app;
    this.run = run;
    this.tenant = tenant;
  }

  result(options: { signal?: AbortSignal } = {}): Promise<T> {
    return this.#app.result(this.run, { ...options, tenant: this.tenant }) as Promise<T>;
  }

  watch(options: { signal?: AbortSignal } = {}): AsyncIterable<WatchEvent> {
    return this.#app.watch(this.run, { ...options, tenant: this.tenant });
  }

  cancel(options: HandleOptions = {}): Promise<void> {
    return this.#app.cancel(this.run, { ...options, tenant: this.tenant });
  }

  pause(options: HandleOptions = {}): Promise<void> {
    return this.#app.pause(this.run, { ...options, tenant: this.tenant });
  }

  mark(task: string, as: Marking, options: Omit<HandleOptions, "task"> = {}): Promise<void> {
    return this.#app.mark(this.run, task, as, { ...options, tenant: this.tenant });
  }

  resume(options: HandleOptions = {}): Promise<void> {
    return this.#app.resume(this.run, { ...options, tenant: this.tenant });
  }

  signal(to: string, data?: Json, options: SignalOptions = {}): Promise<SignalAnswer> {
    return this.#app.signal(this.run, to, data, { ...options, tenant: this.tenant });
  }

  get(): Promise<RunView> {
    return this.#app.get(this.run, { tenant: this.tenant });
  }

  toString(): string {
    return this.run;
  }

  toJSON(): string {
    return this.run;
  }
}
