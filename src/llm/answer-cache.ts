import { createHash } from "node:crypto";
import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/error.ts";
import { decodeJson, encodeJson } from "../core/json.ts";
import type { KeyValue } from "../core/key-value.ts";
import type { Logger } from "../core/logger.ts";
import type { Answer } from "./answer.ts";

/** An answer in the bucket `answers`, under a hash of what was asked. */
const cachedAnswer = z.object({
  v: z.literal(1),
  /** Milliseconds since the epoch. */
  at: z.number(),
  /** The model that has answered, as endpoint/model. */
  by: z.string(),
  text: z.string(),
});

/** A larger answer is not kept: it might exceed what a message of the bus holds. */
const MOST_CHARACTERS = 50_000;

interface CacheDependencies {
  readonly ttlMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** Default: this process keeps nothing, and only calls in progress are shared. */
  readonly store?: Promise<KeyValue>;
}

/** What was asked and who has answered. */
interface Answered {
  readonly answer: Answer;
  readonly by: string;
}

/** Answers to equal questions: those in progress in this process are shared, whole ones are kept for a time in the store. */
export class AnswerCache {
  readonly #dependencies: CacheDependencies;
  readonly #asking = new Map<string, Promise<Answered>>();

  constructor(dependencies: CacheDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * The kept answer, that of an equal call in progress, or that of `ask`. `isHit` says that nothing was paid for it. Only
   * whole answers that `isGood` accepts are kept and shared: where another call fails, this one asks for itself.
   */
  async get(
    question: unknown,
    signal: AbortSignal,
    isGood: (answer: Answer) => Promise<boolean>,
    ask: () => Promise<Answered>,
  ): Promise<Answered & { isHit: boolean }> {
    const isToShare = async ({ answer }: Answered) => isWhole(answer) && (await isGood(answer));
    const key = createHash("sha256").update(JSON.stringify(question)).digest("hex");
    const asking = this.#asking.get(key);
    if (asking) {
      const shared = await orAbort(asking, signal).catch(() => undefined);
      signal.throwIfAborted();
      if (shared && (await isToShare(shared))) return { ...shared, isHit: true };
    }
    const asked = this.#readOrAsk(key, isToShare, ask);
    this.#asking.set(key, asked);
    try {
      return await asked;
    } finally {
      if (this.#asking.get(key) === asked) this.#asking.delete(key);
    }
  }

  async #readOrAsk(
    key: string,
    isToShare: (answered: Answered) => Promise<boolean>,
    ask: () => Promise<Answered>,
  ): Promise<Answered & { isHit: boolean }> {
    const kept = await this.#read(key);
    if (kept) return { ...kept, isHit: true };
    const answered = await ask();
    if (await isToShare(answered)) await this.#keep(key, answered);
    return { ...answered, isHit: false };
  }

  async #read(key: string): Promise<Answered | undefined> {
    const { store, clock, ttlMs, log } = this.#dependencies;
    try {
      const entry = await (await store)?.get(key);
      const kept = entry && cachedAnswer.safeParse(decodeJson(entry.value)).data;
      if (!kept || kept.at + ttlMs <= clock.now()) return undefined;
      return { answer: { text: kept.text, finishReason: "stop" }, by: kept.by };
    } catch (error) {
      log("debug", `the cache of answers could not be read: ${messageOf(error)}`);
      return undefined;
    }
  }

  async #keep(key: string, { answer, by }: Answered): Promise<void> {
    const { store, clock, log } = this.#dependencies;
    if (answer.text.length > MOST_CHARACTERS) return;
    try {
      await (await store)?.put(key, encodeJson({ v: 1, at: clock.now(), by, text: answer.text }));
    } catch (error) {
      log("debug", `an answer could not be kept: ${messageOf(error)}`);
    }
  }
}

const isWhole = ({ finishReason, refusal, isSilent }: Answer): boolean =>
  finishReason === "stop" && !refusal && !isSilent;

/** Waits for another's call, but no longer than the own one may take. */
function orAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
