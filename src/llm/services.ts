import type { Clock } from "../core/clock.ts";
import { isTerminal } from "../core/error.ts";
import type { Logger } from "../core/logger.ts";
import type { Hindrance, ServiceBreaker, ServiceFigures, Services } from "../core/services.ts";
import { type Breaker, type BreakerOptions, createBreaker } from "./breaker.ts";
import type { BreakerFleet } from "./breaker-fleet.ts";
import type { Failure } from "./failure.ts";
import { isNotNow } from "./not-now.ts";
import type { createModelProvider } from "./provider.ts";
import { Resource, Slots } from "./resource.ts";
import type { Router } from "./router.ts";

interface ServicesOptions {
  readonly models: ReturnType<typeof createModelProvider>;
  /** Made with the first breaker. */
  readonly fleet: () => BreakerFleet;
  readonly clock: Clock;
  readonly log: Logger;
  /** For breakers of other services than models. */
  readonly breaker?: BreakerOptions;
}

interface Service {
  readonly breaker: Breaker;
  readonly resource: Resource;
}

/** The models of a process, and the other services for which its handlers have breakers. */
export class ProcessServices implements Services {
  readonly #options: ServicesOptions;
  readonly #services = new Map<string, Service>();
  readonly #listeners = new Set<() => void>();
  #router: Router | undefined;

  constructor(options: ServicesOptions) {
    this.#options = options;
  }

  breaker(name: string): ServiceBreaker {
    const { breaker, resource } = this.#service(name);
    return {
      run: async (call) => {
        let aborted: unknown;
        const end = resource.begin(this.#options.clock);
        try {
          const result = await breaker.run(call, (error) => {
            aborted = error;
            return judge(error);
          });
          end("completed");
          return result;
        } catch (error) {
          end(aborted !== undefined && judge(error).fault === "endpoint" ? "failed" : "unused");
          throw error;
        }
      },
    };
  }

  async prepare(names: readonly string[]): Promise<void> {
    const { models, log } = this.#options;
    try {
      if (names.some((name) => models.knows(name))) {
        this.#router = (await models.load()).router;
        this.#router.onChange(() => this.#notify());
      }
    } catch (error) {
      log("warn", `models could not be prepared: ${String(error)}`);
    }
    for (const name of names) if (!models.knows(name)) this.#service(name);
  }

  hindranceOf(names: readonly string[]): Hindrance | undefined {
    const found = names.flatMap((name) => this.#hindranceOf(name) ?? []);
    if (found.length === 0) return undefined;
    return found.toSorted((a, b) => a.trials - b.trials || b.until - a.until)[0];
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  figures(): readonly ServiceFigures[] {
    const others = Array.from(this.#services, ([name, { breaker, resource }]): ServiceFigures => {
      const { kind, ...state } = breaker.look();
      return { name, state: kind === "stopped" ? "closed" : kind, ...state, ...resource.figures };
    });
    return [...(this.#options.models.loaded()?.router.figures() ?? []), ...others];
  }

  stop(): void {
    this.#listeners.clear();
    for (const { breaker } of this.#services.values()) breaker.stop();
  }

  #hindranceOf(name: string): Hindrance | undefined {
    if (this.#options.models.knows(name)) return this.#router?.hindranceOf(name);
    const { kind, reason = "", until = 0 } = this.#service(name).breaker.look();
    if (kind === "closed" || kind === "stopped") return undefined;
    return { reason: `${name} keeps failing (${reason})`, until, trials: kind === "halfOpen" ? 1 : 0 };
  }

  #service(name: string): Service {
    const known = this.#services.get(name);
    if (known) return known;
    const { fleet, clock, log, breaker: options } = this.#options;
    const breaker = createBreaker(name, options, { clock, log, fleet: fleet() });
    breaker.onChange(() => this.#notify());
    const service = { breaker, resource: new Resource(new Slots()) };
    this.#services.set(name, service);
    return service;
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** Whose fault it is that a call of a handler's failed. */
function judge(error: unknown): Failure {
  const type = error instanceof Error ? error.name : "error";
  if (error instanceof Error && error.name === "AbortError") return { error, type, fault: "nobody" };
  return { error, type, fault: isTerminal(error) || isNotNow(error) ? "request" : "endpoint" };
}
