import { z } from "zod";
import { usage } from "./usage.ts";

/** What costs are summed up by. */
export const COSTS_BY = ["run", "type", "model", "tenant"] as const;
export type CostsBy = (typeof COSTS_BY)[number];

/** What calls of models took, for one run, type, model or tenant. Money is in US dollars. */
export const costView = usage.omit({ models: true }).extend({
  /** The run, type, `endpoint/model` or tenant. */
  name: z.string(),
  /** The runs whose calls these are. */
  runs: z.int(),
});
export type CostView = z.output<typeof costView>;
