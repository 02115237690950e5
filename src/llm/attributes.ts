/**
 * Names of span attributes, by OpenTelemetry's conventions for generative AI
 * (https://github.com/open-telemetry/semantic-conventions-genai, docs/gen-ai/gen-ai-spans.md). They are still in
 * development, and `@opentelemetry/semantic-conventions` asks not to import its unstable names, hence this copy.
 */
export const ATTRIBUTE = {
  operation: "gen_ai.operation.name",
  provider: "gen_ai.provider.name",
  requestModel: "gen_ai.request.model",
  requestTemperature: "gen_ai.request.temperature",
  requestMaxTokens: "gen_ai.request.max_tokens",
  requestStream: "gen_ai.request.stream",
  outputType: "gen_ai.output.type",
  responseId: "gen_ai.response.id",
  responseModel: "gen_ai.response.model",
  finishReasons: "gen_ai.response.finish_reasons",
  /** Seconds. */
  timeToFirstChunk: "gen_ai.response.time_to_first_chunk",
  inputTokens: "gen_ai.usage.input_tokens",
  outputTokens: "gen_ai.usage.output_tokens",
  systemInstructions: "gen_ai.system_instructions",
  inputMessages: "gen_ai.input.messages",
  outputMessages: "gen_ai.output.messages",
  errorType: "error.type",
  serverAddress: "server.address",
  serverPort: "server.port",
} as const;

export const CHAT = "chat";
export const OPENAI = "openai";
export const ANTHROPIC = "anthropic";

/** Well-known values of `gen_ai.provider.name`. Other endpoints of the same protocol are distinguished by `server.address`. */
export const PROVIDER_OF_HOST: Readonly<Record<string, string>> = {
  "api.openai.com": OPENAI,
  "api.anthropic.com": ANTHROPIC,
  "api.deepseek.com": "deepseek",
  "api.groq.com": "groq",
  "api.mistral.ai": "mistral_ai",
  "api.perplexity.ai": "perplexity",
  "api.x.ai": "x_ai",
  "generativelanguage.googleapis.com": "gcp.gemini",
};
