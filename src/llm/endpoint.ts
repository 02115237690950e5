import type { Environment } from "../core/environment.ts";
import { TuttiError } from "../core/error.ts";
import { show } from "../core/problem.ts";
import { ANTHROPIC, OPENAI, PROVIDER_OF_HOST } from "./attributes.ts";
import { KNOWN_PROVIDERS, type KnownProvider } from "./known-provider.ts";

/** A service that speaks OpenAI's protocol, and what is needed to call it. */
export interface Endpoint {
  /** As it is configured, or host and port. */
  readonly name: string;
  readonly url: URL;
  /** Calls take turns among them. */
  readonly keys: readonly string[];
  /** The value of `gen_ai.provider.name`. */
  readonly provider: string;
  /** Calls cost nothing: a server of one's own. */
  readonly isFree: boolean;
  /** Chat completions, or responses. */
  readonly interface: "chat" | "responses";
  /** False where `response_format` is known to be ignored: then the schema goes into the prompt at once. */
  readonly readsResponseFormat: boolean;
  /** The name of the limit of tokens to generate; the other name is tried where the endpoint refuses this one. */
  readonly tokenLimitName: KnownProvider["tokenLimitName"];
  /** The header for the key. Undefined: `Authorization: Bearer`. */
  readonly keyHeader: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  /** Calls in progress at once, in this process. */
  readonly concurrency: number | undefined;
  /** A minute, over all processes. */
  readonly limits: { readonly requests?: number | undefined; readonly tokens?: number | undefined };
}

/** The SDK wants one, and servers that need none ignore it. */
export const NO_KEY = "no-key-needed";

/** The middle model of each family: good enough to plan with, cheap enough to be a default. */
export const DEFAULT_MODELS = { openai: "gpt-5.6-terra", anthropic: "claude-sonnet-5-5" } as const;

export const NOT_CONFIGURED =
  "no language model is configured: set OPENAI_API_KEY (for another OpenAI-compatible endpoint also OPENAI_BASE_URL and TUTTI_MODEL), or ANTHROPIC_API_KEY";

/**
 * The endpoint that the environment names, or undefined where it names none.
 *
 * `OPENAI_API_KEY` or `OPENAI_BASE_URL` (a local server needs no key) come first, then `ANTHROPIC_API_KEY`; with both
 * keys and no base URL, a `TUTTI_MODEL` that begins with `claude` chooses Anthropic. Throws a {@link TuttiError} (400)
 * for a URL or a key that cannot be one.
 */
export function endpointFrom(env: Environment): Endpoint | undefined {
  const read = (variable: string) => env[variable]?.trim() || undefined;
  const anthropicKey = readKey("ANTHROPIC_API_KEY", read("ANTHROPIC_API_KEY"));
  const openaiKey = readKey("OPENAI_API_KEY", read("OPENAI_API_KEY"));
  const baseUrl = read("OPENAI_BASE_URL");

  const prefersClaude =
    anthropicKey !== undefined && baseUrl === undefined && read("TUTTI_MODEL")?.startsWith("claude");
  if (baseUrl !== undefined || (openaiKey !== undefined && !prefersClaude))
    return describeEndpoint(readUrl("OPENAI_BASE_URL", baseUrl ?? KNOWN_PROVIDERS.openai.url), openaiKey);
  if (anthropicKey !== undefined) return describeEndpoint(new URL(KNOWN_PROVIDERS.anthropic.url), anthropicKey);
  return undefined;
}

/** The model that the environment names for its endpoint, or the usual one of the provider. */
export const defaultModel = (endpoint: Endpoint, env: Environment): string =>
  env.TUTTI_MODEL?.trim() || (endpoint.provider === ANTHROPIC ? DEFAULT_MODELS.anthropic : DEFAULT_MODELS.openai);

function describeEndpoint(url: URL, key: string | undefined): Endpoint {
  const isOpenai = url.hostname === new URL(KNOWN_PROVIDERS.openai.url).hostname;
  const provider = PROVIDER_OF_HOST[url.hostname] ?? OPENAI;
  return {
    name: url.host,
    url,
    keys: key === undefined ? [] : [key],
    provider,
    isFree: false,
    interface: "chat",
    readsResponseFormat: provider !== ANTHROPIC,
    tokenLimitName: (isOpenai ? KNOWN_PROVIDERS.openai : KNOWN_PROVIDERS.compatible).tokenLimitName,
    keyHeader: undefined,
    headers: {},
    query: {},
    concurrency: undefined,
    limits: {},
  };
}

function readUrl(variable: string, text: string): URL {
  const url = URL.parse(text);
  if (!url || (url.protocol !== "http:" && url.protocol !== "https:"))
    throw new TuttiError(400, `${variable}: expected an http or https URL, received ${show(text)}`);
  if (url.username || url.password)
    throw new TuttiError(
      400,
      `${variable}: expected a URL without user and password; the key goes into OPENAI_API_KEY`,
    );
  return url;
}

/** A key that cannot go into a header would fail every call, with a message that repeats it. */
function readKey(variable: string, key: string | undefined): string | undefined {
  if (key === undefined || isKey(key)) return key;
  throw new TuttiError(
    400,
    `${variable}: expected printable ASCII without spaces, received something else (not shown)`,
  );
}

/** Whether a text can go into a header. */
export const isKey = (text: string): boolean => /^[\x21-\x7e]+$/.test(text);

/** A shorter key is not a secret (`test`, `ollama`), and would riddle the text with stars. */
const SHORTEST_SECRET = 8;

/** The text without the keys, which some servers repeat in their errors. */
export const redact = (text: string, { keys }: Pick<Endpoint, "keys">): string =>
  keys.filter(({ length }) => length >= SHORTEST_SECRET).reduce((clean, key) => clean.replaceAll(key, "***"), text);
