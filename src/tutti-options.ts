import type { Limits, StreamLimit, TuttiOptions } from "./app.ts";
import type { OptionNames } from "./core/option-names.ts";
import { POLICY_OPTIONS } from "./core/policy.ts";

const STREAM: OptionNames<StreamLimit> = { messages: true, bytes: true };

const LIMITS: OptionNames<Limits> = {
  runs: true,
  queued: true,
  log: STREAM,
  tasks: STREAM,
  requests: STREAM,
  dead: STREAM,
  blobs: { bytes: true },
};

/** The names of the options that `tutti()` knows. */
export const TUTTI_OPTIONS: OptionNames<TuttiOptions> = {
  workers: true,
  bus: true,
  orchestrator: true,
  concurrency: true,
  defaults: { retry: POLICY_OPTIONS.retry, timeout: true, deadline: true },
  files: true,
  id: true,
  prefix: true,
  shards: true,
  replicas: true,
  maxAge: true,
  timing: { ackWaitMs: true, presenceTtlMs: true },
  limits: LIMITS,
  /** Checked by its schema. */
  models: true,
  env: true,
  onRun: true,
  onLog: true,
};
