/**
 * The semantic conventions of OpenTelemetry that the names follow, by version: the general ones (messaging, errors,
 * services) and those for generative AI, which have a repository of their own
 * (github.com/open-telemetry/semantic-conventions-genai) since 0.1.0.
 */
export const SEMANTIC_CONVENTIONS = { general: "1.45.0", genAi: "0.1.0" } as const;

/**
 * The attribute names of runs, tasks and attempts; those of model calls follow below. Names outside
 * `tutti.*` are those of the conventions. Most are still in development there, and the conventions ask that such names be
 * copied rather than imported.
 */
export const ATTRIBUTES = {
  run: "tutti.run",
  tenant: "tutti.tenant",
  /** The task's path of keys in the tree; `-` for the root. */
  task: "tutti.task",
  type: "tutti.type",
  attempt: "tutti.attempt",
  /** How an attempt ended: the event of the task's chart, `returned`, `planned`, `attemptFailed`, …; `open` until then. */
  outcome: "tutti.outcome",
  /** Of a redriven run: 2, 3, … */
  round: "tutti.round",
  /** What the plan states of retries, time and priority, as JSON. */
  policy: "tutti.policy",
  /** What a task waited for: `blocked` (siblings), `queued` (a worker), `backingOff`, … */
  wait: "tutti.wait",
  /** What becomes of a failed attempt: `retryable`, `terminal`, `cancelled`, `poison`. */
  errorKind: "tutti.error.kind",
  /** How often the queue has delivered this attempt; more than 1 means that an earlier worker was lost. */
  deliveries: "tutti.deliveries",
  worker: "tutti.worker",
  /** The state in which a task ended. */
  state: "tutti.state",
  /** How a run ended: succeeded, failed, cancelled. */
  status: "tutti.status",
  /** How many children the plan of an attempt has. */
  planTasks: "tutti.plan.tasks",

  /** A low-cardinality word for what went wrong. */
  errorType: "error.type",
  exceptionType: "exception.type",
  exceptionMessage: "exception.message",
  exceptionStacktrace: "exception.stacktrace",

  messagingSystem: "messaging.system",
  messagingOperationName: "messaging.operation.name",
  messagingOperationType: "messaging.operation.type",
  messagingDestinationName: "messaging.destination.name",
  messagingClientId: "messaging.client.id",

  genAiOperationName: "gen_ai.operation.name",
  genAiAgentName: "gen_ai.agent.name",
  genAiToolName: "gen_ai.tool.name",
  genAiInputTokens: "gen_ai.usage.input_tokens",
  genAiOutputTokens: "gen_ai.usage.output_tokens",
  genAiCachedTokens: "gen_ai.usage.cache_read.input_tokens",
  genAiReasoningTokens: "gen_ai.usage.reasoning.output_tokens",
} as const;

/** Values of `gen_ai.operation.name`: a run, an attempt that returned a plan, one that did not. A model call's is in `llm`. */
export const GEN_AI_OPERATIONS = {
  run: "invoke_workflow",
  plan: "plan",
  execute: "execute_tool",
} as const;

/** The attribute names of model calls. */
export const MODEL_ATTRIBUTES = {
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
  cachedTokens: "gen_ai.usage.cache_read.input_tokens",
  reasoningTokens: "gen_ai.usage.reasoning.output_tokens",
  systemInstructions: "gen_ai.system_instructions",
  inputMessages: "gen_ai.input.messages",
  outputMessages: "gen_ai.output.messages",
  errorType: "error.type",
  /** `cancelled`, where the caller gave the call up: that is no error. */
  outcome: "tutti.outcome",
  serverAddress: "server.address",
  serverPort: "server.port",
} as const;
