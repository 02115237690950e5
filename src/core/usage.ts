import { z } from "zod";

const count = z.number().min(0);

/** What calls to models took. Money is in US dollars. */
const counts = {
  calls: count,
  inputTokens: count,
  outputTokens: count,
  /** The part of the input that the endpoint had in its cache. */
  cachedTokens: count.optional(),
  /** The part of the output that the model thought with. */
  reasoningTokens: count.optional(),
  /** Absent where the price of a model is not known. */
  cost: count.optional(),
};

/** The calls of one attempt, as they go into its result. */
export const usage = z.object({
  ...counts,
  /** By endpoint/model. */
  models: z.record(z.string(), z.object(counts)).optional(),
});
export type UsageCounts = Omit<z.output<typeof usage>, "models">;
export type Usage = Readonly<z.output<typeof usage>>;

/** Sums up. What neither knows stays absent; the cost of calls whose price is not known is not in it. */
export function addUsage(one: Usage | undefined, other: Usage): Usage {
  if (!one) return other;
  const models = { ...one.models };
  for (const [name, counted] of Object.entries(other.models ?? {})) models[name] = addCounts(models[name], counted);
  return { ...addCounts(one, other), ...(Object.keys(models).length > 0 && { models }) };
}

function addCounts(one: UsageCounts | undefined, other: UsageCounts): UsageCounts {
  if (!one) return other;
  const sum = (name: "cachedTokens" | "reasoningTokens" | "cost") =>
    one[name] === undefined && other[name] === undefined ? {} : { [name]: (one[name] ?? 0) + (other[name] ?? 0) };
  return {
    calls: one.calls + other.calls,
    inputTokens: one.inputTokens + other.inputTokens,
    outputTokens: one.outputTokens + other.outputTokens,
    ...sum("cachedTokens"),
    ...sum("reasoningTokens"),
    ...sum("cost"),
  };
}
