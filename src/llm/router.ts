import { type Clock, sleep } from "../core/clock.ts";
import { type DeferredError, TerminalError } from "../core/error.ts";
import type { KeyValue } from "../core/key-value.ts";
import type { Logger } from "../core/logger.ts";
import { nearest } from "../core/nearest.ts";
import type { Hindrance, ServiceFigures } from "../core/services.ts";
import type { ChatRequest } from "./chat-request.ts";
import type { Sent } from "./dialect.ts";
import type { Endpoint } from "./endpoint.ts";
import { RequestRefused } from "./failure.ts";
import { Gate } from "./gate.ts";
import type { Alias, ModelsConfig } from "./models-config.ts";
import { isNotNow } from "./not-now.ts";
import { type Lease, Pool } from "./pool.ts";
import { RateLimiter } from "./rate-limiter.ts";
import { Resource, Slots } from "./resource.ts";
import { type Caller, Target, type TargetDependencies } from "./target.ts";

export interface RouterDependencies extends TargetDependencies {
  readonly clock: Clock;
  readonly log: Logger;
  /** Where all processes count together what is limited. Default: this one counts alone. */
  readonly rates?: Promise<KeyValue>;
  /** Opens the store in which answers are kept. Default: none is. */
  readonly answers?: () => Promise<KeyValue>;
}

/** How a call is routed. */
export interface Route {
  /** An alias, `endpoint/model`, or a model of the only endpoint. */
  readonly model: string | undefined;
  /** See `ModelOptions.key`. */
  readonly key: string | undefined;
}

/** A gate, and the figures of what is behind it. */
export interface GatedResource {
  readonly gate: Gate;
  readonly resource: Resource;
}

type Send<T> = (gate: Gate, key: number, estimated: number) => Promise<Sent<T>>;
type Opened<T> = { readonly value: T; readonly end: Lease<Gate>["end"] };
type Outcome<T> = Opened<T> | { readonly error: unknown } | { readonly notNow: DeferredError };

/** Statuses that say that this endpoint cannot take the call as it is set up; another may. */
const ELSEWHERE = new Set([401, 403, 404]);

/**
 * Sends calls to the models that do for them: one of the alias's pool, by its strategy; another when that one fails, is
 * limited, or has an open breaker; those of the aliases it falls back on when none of the pool is left.
 */
export class Router {
  readonly #config: ModelsConfig;
  readonly #dependencies: RouterDependencies;
  /** By `endpoint/model`. */
  readonly #gates = new Map<string, GatedResource>();
  /** By endpoint. */
  readonly #shared = new Map<Endpoint, { readonly limiter: RateLimiter; readonly slots: Slots }>();
  readonly #pools = new Map<string, Pool<Gate>>();
  readonly #listeners = new Set<() => void>();

  constructor(config: ModelsConfig, dependencies: RouterDependencies) {
    this.#config = config;
    this.#dependencies = dependencies;
    for (const alias of config.aliases.values()) this.#pools.set(alias.name, this.#createPool(alias));
  }

  /**
   * Calls `send` with one member after another, until one answers. Rejects with the last failure; with "not now" where
   * none could be called, and waiting for one would take longer than the configured time or the call's own.
   */
  async send<T>(request: ChatRequest, route: Route, caller: Caller, send: Send<T>): Promise<T> {
    const { value, end } = await this.open(request, route, caller, send);
    end();
    return value;
  }

  /** The same for an answer that goes on after `send`: `end` must be called when it is over. */
  async open<T>(request: ChatRequest, route: Route, caller: Caller, send: Send<T>): Promise<Opened<T>> {
    const pools = this.#poolsFor(route.model);
    const { clock } = this.#dependencies;
    const until = clock.monotonic() + Math.min(this.#config.waitMs, caller.scope.timeoutMs);
    for (;;) {
      const sent = await this.#sendOnce(pools, request, route, caller, send);
      if ("value" in sent) return sent;
      if ("error" in sent) throw sent.error;
      const { retryAfterMs = 0 } = sent.notNow;
      if (clock.monotonic() + retryAfterMs > until) throw sent.notNow;
      await sleep(clock, retryAfterMs, caller.scope.signal);
    }
  }

  async #sendOnce<T>(
    pools: readonly Pool<Gate>[],
    request: ChatRequest,
    route: Route,
    caller: Caller,
    send: Send<T>,
  ): Promise<Outcome<T>> {
    const { signal } = caller.scope;
    const left = new Set<Gate>();
    let failure: { error: unknown } | undefined;
    const waits: DeferredError[] = [];
    for (const pool of pools) {
      for (;;) {
        const except = (gate: Gate) => left.has(gate);
        if (!pool.canUse({ except })) break;
        const lease = await pool.acquire({
          except,
          waitMs: this.#config.waitMs,
          signal,
          ...(route.key !== undefined && { key: route.key }),
        });
        const gate = lease.item;
        try {
          const value = await gate.pass(request, (key, estimated) => send(gate, key, estimated));
          return { value, end: lease.end };
        } catch (error) {
          lease.end(isNotNow(error) || signal.aborted ? "unused" : "failed");
          if (signal.aborted || !isWorthTryingElsewhere(error)) return { error };
          left.add(gate);
          if (isNotNow(error)) waits.push(error);
          else failure = { error };
        }
      }
    }
    if (failure) return failure;
    const shut = pools.flatMap((pool) => pool.items).filter((gate) => !left.has(gate));
    const [first] = [...waits, ...shut.map((gate) => gate.whyNot())].toSorted(
      (a, b) => (a.retryAfterMs ?? 0) - (b.retryAfterMs ?? 0),
    );
    return isNotNow(first) ? { notNow: first } : { error: first };
  }

  /** The pool of the name, then those that it falls back on. */
  #poolsFor(model: string | undefined): readonly Pool<Gate>[] {
    const { aliases, defaultAlias, endpoints } = this.#config;
    const name = model ?? defaultAlias;
    const alias = aliases.get(name);
    if (alias) {
      const names = new Set([name, ...alias.fallback]);
      const pools = [...names].map((each) => this.#pools.get(each)!).filter(({ items }) => items.length > 0);
      if (pools.length === 0)
        throw new TerminalError(
          `no endpoint of the models ${JSON.stringify(name)} can be used: ${this.#config.warnings.join("; ")}`,
        );
      return pools;
    }
    const known = this.#pools.get(name);
    if (known) return [known];
    const slash = name.indexOf("/");
    const named = endpoints.find((one) => one.name === name.slice(0, slash));
    const endpoint = named ?? (endpoints.length === 1 ? endpoints[0] : undefined);
    if (!endpoint) {
      const names = [...aliases.keys()];
      const near = nearest(name, names);
      throw new TerminalError(
        `expected a model to be one of ${names.join(", ")}, or endpoint/model, received ${JSON.stringify(name)}${near ? `; did you mean ${near}?` : ""}`,
      );
    }
    const pool = this.#createPool({
      name,
      pool: [{ endpoint, model: named ? name.slice(slash + 1) : name, weight: 1 }],
      strategy: "least-loaded",
      fallback: [],
    });
    this.#pools.set(name, pool);
    return [pool];
  }

  #createPool({ pool, strategy }: Alias): Pool<Gate> {
    const members = pool.map(({ endpoint, model, weight }) => {
      const { gate, resource } = this.#gateOf(endpoint, model);
      return { name: gate.target.name, item: gate, weight, resource };
    });
    return new Pool(members, { strategy, isUsable: (gate) => gate.isOpen(), clock: this.#dependencies.clock });
  }

  #gateOf(endpoint: Endpoint, model: string): GatedResource {
    const target = `${endpoint.name}/${model}`;
    const known = this.#gates.get(target);
    if (known) return known;
    const { clock, log, rates: store } = this.#dependencies;
    const limiting = { clock, log, ...(store && { store }) };
    const shared = this.#shared.get(endpoint) ?? {
      limiter: new RateLimiter(endpoint.name, endpoint.limits, limiting),
      slots: new Slots(endpoint.concurrency),
    };
    this.#shared.set(endpoint, shared);
    const gate = new Gate(new Target(endpoint, model, this.#dependencies), shared.limiter, this.#dependencies);
    gate.onChange(() => {
      for (const listener of this.#listeners) listener();
    });
    const gated = { gate, resource: new Resource(shared.slots) };
    this.#gates.set(target, gated);
    return gated;
  }

  /** Why no call of that model can be made now; undefined when one can. */
  hindranceOf(model: string): Hindrance | undefined {
    const gates = this.#poolsFor(model).flatMap((pool) => pool.items);
    const open = gates.filter((gate) => gate.isOpen());
    if (open.some((gate) => !gate.isTrial)) return undefined;
    const now = this.#dependencies.clock.now();
    const [first] = gates.map((gate) => gate.whyNot()).toSorted((a, b) => waitOf(a) - waitOf(b));
    const reason = first?.message ?? "no endpoint can be called";
    return open.length > 0 ? { reason, until: now, trials: 1 } : { reason, until: now + waitOf(first), trials: 0 };
  }

  /** Calls `listener` whenever a call may be made that could not, or the other way round. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Counts an answer that was kept, for the model that has given it. */
  noteHit(target: string): void {
    const found = this.#gates.get(target);
    if (found) found.resource.hits++;
  }

  figures(): readonly ServiceFigures[] {
    return Array.from(this.#gates.values(), ({ gate, resource }) => ({ ...gate.figures(), ...resource.figures }));
  }

  stop(): void {
    for (const { gate } of this.#gates.values()) gate.stop();
  }
}

const isWorthTryingElsewhere = (error: unknown): boolean =>
  error instanceof RequestRefused ? ELSEWHERE.has(error.status) : !(error instanceof TerminalError);

const waitOf = (error: { readonly retryAfterMs: number | undefined } | undefined): number => error?.retryAfterMs ?? 0;
