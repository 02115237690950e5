import type { UsageCounts } from "../core/usage.ts";
import type { ModelsConfig } from "./models-config.ts";
import type { Target } from "./target.ts";

/** What calls cost in US dollars, or undefined where that is not known. */
export type PriceTable = (
  target: Pick<Target, "name" | "model" | "endpoint">,
  usage: UsageCounts,
) => number | undefined;

const MILLION = 1_000_000;

/**
 * Prices as configured, else those of the package `@pydantic/genai-prices`, which knows the providers by their addresses.
 * A server of one's own costs nothing.
 */
export async function loadPrices({ prices }: Pick<ModelsConfig, "prices">): Promise<PriceTable> {
  const { calcPrice } = await import("@pydantic/genai-prices");
  return ({ name, model, endpoint }, { inputTokens, outputTokens, ...usage }) => {
    const cachedTokens = Math.min(usage.cachedTokens ?? 0, inputTokens);
    const stated = prices.get(name) ?? prices.get(model);
    if (stated) {
      const { input, output, cached = input } = stated;
      return ((inputTokens - cachedTokens) * input + cachedTokens * cached + outputTokens * output) / MILLION;
    }
    if (endpoint.isFree) return 0;
    const counted = { input_tokens: inputTokens, output_tokens: outputTokens, cache_read_tokens: cachedTokens };
    return calcPrice(counted, model, { providerApiUrl: endpoint.url.href })?.total_price;
  };
}
