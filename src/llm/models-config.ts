import type { Environment } from "../core/environment.ts";
import {
  type AliasSettings,
  type EndpointSettings,
  type ModelsSettings,
  PROVIDER_NAMES,
  type Price,
  type StrategyName,
} from "../core/models-settings.ts";
import { nearest } from "../core/nearest.ts";
import type { Problem } from "../core/problem.ts";
import { show } from "../core/problem.ts";
import type { BreakerOptions } from "./breaker.ts";
import { defaultModel, type Endpoint, endpointFrom, isKey } from "./endpoint.ts";
import { KNOWN_PROVIDERS, type KnownProvider } from "./known-provider.ts";

/** A model of an endpoint: what a breaker stands before, and what a call is sent to. */
export interface Candidate {
  readonly endpoint: Endpoint;
  readonly model: string;
  /** Above 0. */
  readonly weight: number;
}

/** A name for models that do for the same calls. */
export interface Alias {
  readonly name: string;
  readonly pool: readonly Candidate[];
  readonly strategy: StrategyName;
  /** Aliases that are tried when none of the pool can be called, in this order. */
  readonly fallback: readonly string[];
}

/** All that is configured about models. */
export interface ModelsConfig {
  readonly endpoints: readonly Endpoint[];
  readonly aliases: ReadonlyMap<string, Alias>;
  /** The alias for calls that name no model. */
  readonly defaultAlias: string;
  readonly breaker: BreakerOptions;
  /** By model, or by endpoint/model. */
  readonly prices: ReadonlyMap<string, Price>;
  /** How long a call waits for a limit, milliseconds. */
  readonly waitMs: number;
  /** How long answers are kept, milliseconds. Undefined: none is. */
  readonly cacheTtlMs: number | undefined;
  /** What is configured and cannot be used, a line each: an endpoint without its key. */
  readonly warnings: readonly string[];
}

const DEFAULT_WAIT_MS = 10_000;
/** The one alias of an environment. */
const DEFAULT_ALIAS = "default";

/** The one endpoint of the environment (see {@link endpointFrom}), or undefined where it names none. */
export function environmentModels(env: Environment): ModelsConfig | undefined {
  const endpoint = endpointFrom(env);
  if (!endpoint) return undefined;
  const pool = [{ endpoint, model: defaultModel(endpoint, env), weight: 1 }];
  return {
    endpoints: [endpoint],
    aliases: new Map([[DEFAULT_ALIAS, { name: DEFAULT_ALIAS, pool, strategy: "least-loaded", fallback: [] }]]),
    defaultAlias: DEFAULT_ALIAS,
    breaker: {},
    prices: new Map(),
    waitMs: DEFAULT_WAIT_MS,
    cacheTtlMs: undefined,
    warnings: [],
  };
}

/**
 * Finds the endpoints that aliases name, and the keys. An endpoint whose variable is not set is left out, with a warning:
 * a laptop need not have the keys of all.
 */
export function resolveModels(
  settings: ModelsSettings,
  env: Environment,
): ModelsConfig | { readonly problems: Problem[] } {
  const problems: Problem[] = [];
  const expected = (path: string, wanted: string, received: unknown) =>
    void problems.push({ path, message: `expected ${wanted}`, expected: wanted, received: show(received) });

  const endpoints = new Map<string, Endpoint>();
  const warnings: string[] = [];
  for (const [name, one] of Object.entries(settings.endpoints)) {
    const found = readEndpoint(name, one, env);
    if ("problem" in found)
      expected(`/endpoints/${name}${found.problem.at}`, found.problem.wanted, found.problem.received);
    else if ("missing" in found) warnings.push(`endpoint ${name} is left out: ${found.missing} is not set`);
    else endpoints.set(name, found);
  }

  const known = Object.keys(settings.endpoints);
  const names = Object.keys(settings.models);
  const aliases = new Map<string, Alias>();
  for (const [name, one] of Object.entries(settings.models)) {
    const stated = Array.isArray(one) ? { pool: one, strategy: "least-loaded" as const, fallback: [] } : one;
    const at = Array.isArray(one) ? `/models/${name}` : `/models/${name}/pool`;
    const pool = stated.pool.flatMap((each, i): Candidate[] => {
      const { endpoint, model, weight = 1 } = readCandidate(each);
      if (!known.includes(endpoint)) expected(`${at}/${i}`, oneOf("an endpoint", known, endpoint), endpoint);
      const found = endpoints.get(endpoint);
      return found ? [{ endpoint: found, model, weight }] : [];
    });
    for (const [i, other] of stated.fallback.entries())
      if (!names.includes(other) || other === name)
        expected(
          `/models/${name}/fallback/${i}`,
          oneOf(
            "another alias",
            names.filter((each) => each !== name),
            other,
          ),
          other,
        );
    aliases.set(name, { name, pool, strategy: stated.strategy, fallback: stated.fallback });
  }
  const defaultAlias = settings.default ?? names[0] ?? "";
  if (!names.includes(defaultAlias)) expected("/default", oneOf("an alias", names, defaultAlias), defaultAlias);
  if (problems.length > 0) return { problems };

  const { failurePercentage, minimumRequests, window, open } = settings.breaker ?? {};
  return {
    endpoints: [...endpoints.values()],
    aliases,
    defaultAlias,
    breaker: {
      ...(failurePercentage !== undefined && { failurePercentage }),
      ...(minimumRequests !== undefined && { minimumRequests }),
      ...(window !== undefined && { windowMs: window }),
      ...(open !== undefined && { openMs: open }),
    },
    prices: new Map(Object.entries(settings.prices ?? {})),
    waitMs: settings.wait ?? DEFAULT_WAIT_MS,
    cacheTtlMs: settings.cache?.ttl,
    warnings,
  };
}

const oneOf = (what: string, known: readonly string[], received: string): string => {
  const near = nearest(received, known);
  return `${what} (${known.join(", ") || "there is none"})${near ? `; did you mean ${near}?` : ""}`;
};

type CandidateSettings = Extract<AliasSettings, readonly unknown[]>[number];

function readCandidate(stated: CandidateSettings): { endpoint: string; model: string; weight?: number | undefined } {
  if (typeof stated !== "string") return stated;
  const slash = stated.indexOf("/");
  return { endpoint: stated.slice(0, slash), model: stated.slice(slash + 1) };
}

type FoundEndpoint =
  | Endpoint
  | { readonly missing: string }
  | { readonly problem: { readonly at: string; readonly wanted: string; readonly received: unknown } };

function readEndpoint(name: string, stated: EndpointSettings, env: Environment): FoundEndpoint {
  const provider = stated.provider ?? PROVIDER_NAMES.find((one) => one === name);
  const known: KnownProvider = KNOWN_PROVIDERS[provider ?? "compatible"];
  const url = stated.url ?? known.url;
  if (!url) {
    const wanted = provider ? `a url: each user of ${provider} has an address of their own` : "a provider or a url";
    return { problem: { at: "", wanted, received: undefined } };
  }
  if (stated.key !== undefined && stated.keys !== undefined)
    return { problem: { at: "/keys", wanted: "either key or keys", received: "both" } };
  const sources = stated.keys ?? (stated.key !== undefined ? [stated.key] : defaultKeys(stated, known));
  const keys: string[] = [];
  for (const [i, source] of sources.entries()) {
    const variable = /^\$\{?(\w+)\}?$/.exec(source)?.[1];
    const key = variable === undefined ? source : env[variable]?.trim();
    if (!key) return { missing: variable ?? "its key" };
    if (!isKey(key)) {
      const at = stated.keys ? `/keys/${i}` : stated.key !== undefined ? "/key" : "";
      return {
        problem: { at, wanted: "a key of printable ASCII without spaces", received: "something else (not shown)" },
      };
    }
    keys.push(key);
  }
  return {
    name,
    url: new URL(url),
    keys,
    provider: known.telemetryName,
    isFree: provider === "ollama" || provider === "vllm",
    interface: stated.interface,
    readsResponseFormat: known.readsResponseFormat,
    tokenLimitName: known.tokenLimitName,
    keyHeader: known.keyHeader,
    headers: stated.headers ?? {},
    query: stated.apiVersion === undefined ? {} : { "api-version": stated.apiVersion },
    concurrency: stated.concurrency,
    limits: stated.limits ?? {},
  };
}

/** A provider's variable is for the provider's own address: a key must not go to another. */
const defaultKeys = (stated: EndpointSettings, known: KnownProvider): readonly string[] =>
  known.keyVariable && (stated.url === undefined || known.url === undefined) ? [`$${known.keyVariable}`] : [];
