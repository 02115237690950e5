/** Values of span attributes: the operation, and the providers, by OpenTelemetry's conventions for generative AI. */
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
