import type { Environment } from "../core/environment.ts";
import { TuttiError } from "../core/error.ts";
import { show } from "../core/problem.ts";
import { ANTHROPIC, OPENAI, PROVIDER_OF_HOST } from "./attributes.ts";

/** A service that speaks OpenAI's chat-completions protocol, and what is needed to call it. */
export interface Endpoint {
  /** Host and port, for messages. */
  readonly name: string;
  readonly url: URL;
  readonly apiKey: string;
  /** Used where a call names none. */
  readonly model: string;
  /** The value of `gen_ai.provider.name`. */
  readonly provider: string;
  /** False where `response_format` is known to be ignored: then the schema goes into the prompt at once. */
  readonly readsResponseFormat: boolean;
  /** What this endpoint calls the limit of tokens to generate; the other name is tried where it refuses this one. */
  readonly tokenLimitName: "max_completion_tokens" | "max_tokens";
}

const OPENAI_URL = "https://api.openai.com/v1";
/** https://platform.claude.com/docs/en/cli-sdks-libraries/libraries/openai-sdk, as are the limits noted here. */
const ANTHROPIC_URL = "https://api.anthropic.com/v1/";

/** The SDK wants one, and servers that need none ignore it. */
const NO_KEY = "no-key-needed";

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
  const model = read("TUTTI_MODEL");
  const anthropicKey = readKey("ANTHROPIC_API_KEY", read("ANTHROPIC_API_KEY"));
  const openaiKey = readKey("OPENAI_API_KEY", read("OPENAI_API_KEY"));
  const baseUrl = read("OPENAI_BASE_URL");

  const prefersClaude = anthropicKey !== undefined && baseUrl === undefined && model?.startsWith("claude");
  if (baseUrl !== undefined || (openaiKey !== undefined && !prefersClaude))
    return describeEndpoint(readUrl("OPENAI_BASE_URL", baseUrl ?? OPENAI_URL), openaiKey ?? NO_KEY, model);
  if (anthropicKey !== undefined) return describeEndpoint(new URL(ANTHROPIC_URL), anthropicKey, model);
  return undefined;
}

function describeEndpoint(url: URL, apiKey: string, model: string | undefined): Endpoint {
  const provider = PROVIDER_OF_HOST[url.hostname] ?? OPENAI;
  return {
    name: url.host,
    url,
    apiKey,
    model: model ?? (provider === ANTHROPIC ? DEFAULT_MODELS.anthropic : DEFAULT_MODELS.openai),
    provider,
    readsResponseFormat: provider !== ANTHROPIC,
    // OpenAI's reasoning models refuse the old name; most compatible servers know only that one.
    tokenLimitName: url.hostname === new URL(OPENAI_URL).hostname ? "max_completion_tokens" : "max_tokens",
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
  if (key === undefined || /^[\x21-\x7e]+$/.test(key)) return key;
  throw new TuttiError(
    400,
    `${variable}: expected printable ASCII without spaces, received something else (not shown)`,
  );
}

/** A shorter key is not a secret (`test`, `ollama`), and would riddle the text with stars. */
const SHORTEST_SECRET = 8;

/** The text without the key, which some servers repeat in their errors. */
export const redact = (text: string, { apiKey }: Endpoint): string =>
  apiKey.length < SHORTEST_SECRET ? text : text.replaceAll(apiKey, "***");
