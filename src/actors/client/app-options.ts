import type { ControlOptions, RunOptions } from "../../app.ts";
import type { OptionNames } from "../../core/option-names.ts";

const RUN: OptionNames<RunOptions> = {
  run: true,
  tenant: true,
  priority: true,
  deadline: true,
  signal: true,
  requester: true,
  tags: true,
};

const CONTROL: OptionNames<ControlOptions> = { tenant: true, task: true, reason: true, by: true };

/** The names of the options of the methods of `Tutti`. */
export const METHOD_OPTIONS = {
  run: RUN,
  handle: { type: true, tenant: true },
  result: { tenant: true, signal: true },
  tenant: { tenant: true },
  costs: { tenant: true, by: true, since: true },
  replay: { tenant: true, at: true, until: true },
  list: { tenant: true, limit: true },
  runs: { tenant: true, limit: true, tag: true },
  control: CONTROL,
  mark: { tenant: true, reason: true, by: true },
  marking: { output: true, skip: true, fail: true },
  redrive: { tenant: true, reason: true, by: true },
  limit: { tenant: true, concurrency: true, rate: true },
  signal: { tenant: true, by: true, id: true },
  stop: { graceMs: true },
} as const;
