import type { Clock } from "../core/clock.ts";
import { formatDuration } from "../core/duration.ts";
import { type DeferredError, RetryableError } from "../core/error.ts";
import type { ServiceFigures } from "../core/services.ts";
import type { Usage } from "../core/usage.ts";
import type { ChatRequest } from "./chat-request.ts";
import type { Sent } from "./dialect.ts";
import { isNotNow, notNow } from "./not-now.ts";
import { readRateHeaders } from "./rate-headers.ts";
import type { RateLimiter } from "./rate-limiter.ts";
import type { Target, TargetDependencies } from "./target.ts";
import { estimateTokens } from "./token-estimate.ts";

/** What is expected of an answer whose length the caller does not limit, before one was seen. */
const FIRST_OUTPUT_TOKENS = 300;
/** The share of the newest answer in the moving average of their lengths. */
const NEWEST = 0.2;

/** The time that a key of the endpoint is limited. */
interface Lane {
  since: number;
  until: number;
  reason: string;
}

/** Stands before one target: lets a call pass when its breaker, its keys and its endpoint's limits allow it. */
export class Gate {
  readonly target: Target;
  /** Of the endpoint: its models share it. */
  readonly limiter: RateLimiter;
  readonly #clock: Clock;
  readonly #fleet: TargetDependencies["fleet"];
  /** One a key. */
  readonly #lanes: readonly Lane[];
  /** The endpoint's minute is used up until then, as far as this process knows. */
  #full: Lane = { since: 0, until: 0, reason: "" };
  #turn = 0;
  #outputTokens = FIRST_OUTPUT_TOKENS;
  readonly #listeners = new Set<() => void>();
  readonly #unfollow: readonly (() => void)[];

  constructor(target: Target, limiter: RateLimiter, { clock, fleet }: Pick<TargetDependencies, "clock" | "fleet">) {
    this.target = target;
    this.limiter = limiter;
    this.#clock = clock;
    this.#fleet = fleet;
    this.#lanes = Array.from({ length: Math.max(1, target.endpoint.keys.length) }, () => ({
      since: 0,
      until: 0,
      reason: "",
    }));
    this.#unfollow = [
      target.breaker.onChange(() => this.#notify()),
      ...this.#lanes.map(
        (lane, key) =>
          fleet?.follow(this.#laneName(key), ({ state, until = 0, reason = "" }) => {
            if (state === "limited") this.#shut(lane, until, reason);
          }) ?? (() => {}),
      ),
    ];
  }

  /** Whether a call may pass now. */
  isOpen(): boolean {
    const now = this.#clock.now();
    return this.target.breaker.isUsable() && this.#full.until <= now && this.#lanes.some(({ until }) => until <= now);
  }

  /** Whether a single call may pass, to see whether the endpoint works again. */
  get isTrial(): boolean {
    return this.target.breaker.look().kind === "halfOpen";
  }

  /** Why no call may pass now, and when one may. */
  whyNot(): DeferredError | RetryableError {
    const now = this.#clock.now();
    const { kind, until = now, reason } = this.target.breaker.look();
    if (kind === "stopped")
      return new RetryableError(`${this.target.name}: not called, because the model client was stopped`);
    const limit = this.#shutLane();
    if (kind !== "closed" && until > now)
      return this.#notNow(`not called, because it keeps failing (${reason})`, until - now);
    return this.#notNow(`not called: ${limit.reason || "it is being tried again"}`, Math.max(1, limit.until - now));
  }

  /**
   * Sends a call with one of the endpoint's keys. Rejects with "not now" when a limit is reached. `send` is given the
   * key's place and the tokens that were estimated, which {@link count} corrects.
   */
  async pass<T>(request: ChatRequest, send: (key: number, estimated: number) => Promise<Sent<T>>): Promise<T> {
    const key = this.#nextKey();
    const lane = this.#lanes[key]!;
    const estimated = await this.#estimate(request);
    if (this.limiter.isLimited) {
      const waitMs = await this.limiter.take(estimated);
      if (waitMs > 0) {
        const { requests, tokens } = this.limiter.limits;
        const stated = [requests && `${requests} requests`, tokens && `${tokens} tokens`].filter(Boolean).join(", ");
        this.#shut(this.#full, this.#clock.now() + waitMs, `its limit of ${stated} a minute is reached`);
        throw this.#notNow(this.#full.reason, waitMs);
      }
    }
    try {
      const { value, headers } = await send(key, estimated);
      const { limits, waitMs } = readRateHeaders(headers);
      this.limiter.learn(limits);
      if (waitMs !== undefined) this.#limit(key, waitMs, "the endpoint says that nothing is left of its limit");
      return value;
    } catch (error) {
      if (isNotNow(error) && lane.until <= this.#clock.now()) {
        const { retryAfterMs = 0, message } = error;
        if (this.target.breaker.isUsable()) this.#limit(key, retryAfterMs, message);
      }
      throw error;
    }
  }

  /** How it stands, without what its resource counts. */
  figures(): Pick<ServiceFigures, "name" | "state" | "since" | "reason" | "until" | "limits"> {
    const { kind, ...stands } = this.target.breaker.look();
    const { requests, tokens } = this.limiter.limits;
    const limits = this.limiter.isLimited && {
      limits: { ...(requests !== undefined && { requests }), ...(tokens !== undefined && { tokens }) },
    };
    const { name } = this.target;
    if (kind !== "closed" || this.isOpen())
      return { name, state: kind === "stopped" ? "closed" : kind, ...stands, ...limits };
    const { reason, until, since } = this.#shutLane();
    return { name, state: "limited", since, reason, until, ...limits };
  }

  /** The limit that keeps calls from passing: the endpoint's, or that of the key which is free first. */
  #shutLane(): Lane {
    const first = this.#lanes.reduce((best, one) => (one.until < best.until ? one : best));
    return this.#full.until > first.until ? this.#full : first;
  }

  /** Counts what a call has taken, in place of the estimate. */
  count({ inputTokens, outputTokens }: Usage, estimated: number): void {
    if (outputTokens > 0) this.#outputTokens += NEWEST * (outputTokens - this.#outputTokens);
    if (inputTokens + outputTokens > 0) void this.limiter.correct(estimated, inputTokens + outputTokens);
  }

  /** Calls `listener` whenever calls may pass that could not, or the other way round; the time that passes is not reported. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  stop(): void {
    for (const unfollow of this.#unfollow) unfollow();
    this.target.breaker.stop();
  }

  async #estimate({ messages, maxTokens }: ChatRequest): Promise<number> {
    if (this.limiter.limits.tokens === undefined) return 0;
    return (await estimateTokens(messages)) + Math.round(maxTokens ?? this.#outputTokens);
  }

  #nextKey(): number {
    const now = this.#clock.now();
    const count = this.#lanes.length;
    for (let i = 0; i < count; i++) {
      const key = (this.#turn + i) % count;
      if (this.#lanes[key]!.until > now) continue;
      this.#turn = key + 1;
      return key;
    }
    throw this.whyNot();
  }

  #limit(key: number, waitMs: number, reason: string): void {
    const now = this.#clock.now();
    const until = now + waitMs;
    this.#shut(this.#lanes[key]!, until, reason);
    const fleet = this.#fleet;
    if (fleet)
      void fleet.report({ v: 1, name: this.#laneName(key), state: "limited", since: now, until, reason, by: fleet.id });
  }

  #shut(lane: Lane, until: number, reason: string): void {
    if (until <= lane.until) return;
    Object.assign(lane, { since: this.#clock.now(), until, reason });
    this.#notify();
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }

  #laneName = (key: number) => `${this.target.name}#${key}`;

  #notNow = (why: string, waitMs: number) =>
    notNow(`${this.target.name}: ${why}; next try in ${formatDuration(waitMs)}`, Math.ceil(waitMs));
}
