import { z } from "zod";
import { duration } from "./duration.ts";
import { exactObject } from "./exact-object.ts";
import { nearest } from "./nearest.ts";
import { show } from "./problem.ts";

/** Services whose addresses and habits are known; `compatible` is any other that speaks OpenAI's protocol. */
export const PROVIDER_NAMES = [
  "openai",
  "azure",
  "anthropic",
  "google",
  "mistral",
  "ollama",
  "vllm",
  "compatible",
] as const;
export type ProviderName = (typeof PROVIDER_NAMES)[number];

/** How one of several is chosen. */
export const STRATEGY_NAMES = ["round-robin", "least-loaded", "least-response-time", "random"] as const;
export type StrategyName = (typeof STRATEGY_NAMES)[number];

/** One of these words; the message lists them, and names the one that was probably meant. */
const word = <const W extends string>(words: readonly W[]) =>
  z.enum(words, {
    error: ({ input }) => {
      const near = typeof input === "string" ? nearest(input, words) : undefined;
      return `expected ${words.join(", ")}${near ? ` (did you mean ${near}?)` : ""}, received ${show(input)}`;
    },
  });

const httpUrl = z.string().refine(
  (text) => {
    const url = URL.parse(text);
    return url !== null && /^https?:$/.test(url.protocol) && !url.username && !url.password;
  },
  { error: "expected an http or https URL without user and password" },
);

const nameOf = (what: string) =>
  z.string().regex(/^[A-Za-z0-9_.-]+$/, { error: `expected ${what} of A-Z a-z 0-9 _ . -` });

const count = z.int().min(1);
const weight = z.number().positive();

/** One service and how it is called. */
export const endpointSettings = exactObject({
  /** Default: the endpoint's own name, where it is one of these words. */
  provider: word(PROVIDER_NAMES).optional(),
  /** Default: the provider's. */
  url: httpUrl.optional(),
  /** The key, or `$NAME` for an environment variable. Default: the provider's variable. */
  key: z.string().min(1).optional(),
  /** Several keys; calls take turns among those that are not limited at the moment. */
  keys: z.array(z.string().min(1)).min(1).optional(),
  /** Which of OpenAI's interfaces the endpoint offers. Default: `chat`. */
  interface: word(["chat", "responses"]).default("chat"),
  /** Calls in progress at once, in each process. Default: no limit. */
  concurrency: count.optional(),
  /** A minute, over all processes. Default: what the endpoint states in `x-ratelimit-limit-…`. */
  limits: exactObject({ requests: count.optional(), tokens: count.optional() }).optional(),
  headers: z.record(z.string(), z.string()).optional(),
  /** The query parameter `api-version`, for Azure deployments that want one. */
  apiVersion: z.string().optional(),
});
export type EndpointSettings = z.output<typeof endpointSettings>;

/** `endpoint/model`, or the same with a weight. */
const candidate = z.union([
  z.string().regex(/^[^/]+\/.+$/, { error: "expected endpoint/model, such as openai/gpt-5.6-terra" }),
  exactObject({ endpoint: z.string(), model: z.string().min(1), weight: weight.optional() }),
]);

const aliasSettings = z.union([
  z.array(candidate).min(1),
  exactObject({
    pool: z.array(candidate).min(1),
    /** How one of the pool is chosen for a call. Default: `least-loaded`. */
    strategy: word(STRATEGY_NAMES).default("least-loaded"),
    /** Other aliases, tried in this order when none of the pool can be called. */
    fallback: z.array(z.string()).default([]),
  }),
]);
export type AliasSettings = z.output<typeof aliasSettings>;

/** US dollars for a million tokens. */
const price = exactObject({
  input: z.number().min(0),
  output: z.number().min(0),
  /** Input that the endpoint had in its cache. Default: as other input. */
  cached: z.number().min(0).optional(),
});
export type Price = z.output<typeof price>;

const breakerSettings = exactObject({
  failurePercentage: z.number().min(1).max(100).optional(),
  minimumRequests: count.optional(),
  window: duration.optional(),
  open: duration.optional(),
});

/** The content of `tutti.models.yaml`. */
export const modelsSettings = exactObject({
  endpoints: z.record(nameOf("an endpoint's name"), endpointSettings),
  /** Aliases: what handlers name. */
  models: z.record(nameOf("an alias"), aliasSettings),
  /** The alias for calls that name none. Default: the first. */
  default: z.string().optional(),
  breaker: breakerSettings.optional(),
  /** By model, or by endpoint/model; these go before the price table of the package. */
  prices: z.record(z.string(), price).optional(),
  /** How long a call waits for a limit, before its task is deferred. Default 10 s. */
  wait: duration.optional(),
  /** How long the answer to an equal call is used again. Default: nothing is kept. */
  cache: exactObject({ ttl: duration }).optional(),
});
export type ModelsSettings = z.output<typeof modelsSettings>;
export type ModelsInput = z.input<typeof modelsSettings>;
