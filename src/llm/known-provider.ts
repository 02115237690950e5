import type { ProviderName } from "../core/models-settings.ts";
import { ANTHROPIC, OPENAI } from "./attributes.ts";

/** What is known beforehand of a service that speaks OpenAI's protocol. */
export interface KnownProvider {
  /** Absent where each user has an address of their own. */
  readonly url?: string;
  /** The variable that holds the key. Absent: local servers, which need none. */
  readonly keyVariable?: string;
  /** The value of `gen_ai.provider.name`. */
  readonly telemetryName: string;
  /** False where `response_format` is known to be ignored: then the schema goes into the prompt at once. */
  readonly readsResponseFormat: boolean;
  /** The name of the limit of tokens to generate; the other name is tried where the endpoint refuses this one. */
  readonly tokenLimitName: "max_completion_tokens" | "max_tokens";
  /** The header for the key, where it is not `Authorization: Bearer`. */
  readonly keyHeader?: string;
}

const COMPATIBLE = { readsResponseFormat: true, tokenLimitName: "max_tokens" } as const;

/**
 * The words for `provider` in `tutti.models.yaml`. Addresses are those that the providers document for their
 * OpenAI-compatible interfaces; `ollama` and `vllm` are the default ports of a server on this machine.
 */
export const KNOWN_PROVIDERS = {
  openai: {
    url: "https://api.openai.com/v1",
    keyVariable: "OPENAI_API_KEY",
    telemetryName: OPENAI,
    readsResponseFormat: true,
    // OpenAI's reasoning models refuse the old name; most compatible servers know only that one.
    tokenLimitName: "max_completion_tokens",
  },
  azure: {
    keyVariable: "AZURE_OPENAI_API_KEY",
    telemetryName: "azure.ai.openai",
    readsResponseFormat: true,
    tokenLimitName: "max_completion_tokens",
    keyHeader: "api-key",
  },
  anthropic: {
    // https://platform.claude.com/docs/en/cli-sdks-libraries/libraries/openai-sdk, as are the limits noted here.
    url: "https://api.anthropic.com/v1/",
    keyVariable: "ANTHROPIC_API_KEY",
    telemetryName: ANTHROPIC,
    readsResponseFormat: false,
    tokenLimitName: "max_tokens",
  },
  google: {
    ...COMPATIBLE,
    url: "https://generativelanguage.googleapis.com/v1beta/openai/",
    keyVariable: "GEMINI_API_KEY",
    telemetryName: "gcp.gemini",
  },
  mistral: {
    ...COMPATIBLE,
    url: "https://api.mistral.ai/v1",
    keyVariable: "MISTRAL_API_KEY",
    telemetryName: "mistral_ai",
  },
  ollama: { ...COMPATIBLE, url: "http://127.0.0.1:11434/v1", telemetryName: "ollama" },
  vllm: { ...COMPATIBLE, url: "http://127.0.0.1:8000/v1", telemetryName: "vllm" },
  compatible: { ...COMPATIBLE, telemetryName: OPENAI },
} as const satisfies Readonly<Record<ProviderName, KnownProvider>>;
