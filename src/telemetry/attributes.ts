/**
 * The attribute names of runs, tasks and attempts; those of model calls are in `llm/attributes.ts`. Names outside
 * `tutti.*` are OpenTelemetry's semantic conventions (messaging: opentelemetry.io/docs/specs/semconv/messaging;
 * gen_ai: github.com/open-telemetry/semantic-conventions-genai). Most are still in development there, and the
 * conventions ask that such names be copied rather than imported.
 */
export const ATTRIBUTES = {
  run: "tutti.run",
  tenant: "tutti.tenant",
  /** The task's path of keys in the tree; `-` for the root. */
  task: "tutti.task",
  type: "tutti.type",
  attempt: "tutti.attempt",
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
  genAiWorkflowName: "gen_ai.workflow.name",
  genAiAgentName: "gen_ai.agent.name",
  genAiToolName: "gen_ai.tool.name",
} as const;

/** Values of `gen_ai.operation.name`: a run, an attempt that returned a plan, one that did not. A model call's is in `llm`. */
export const GEN_AI_OPERATIONS = {
  run: "invoke_workflow",
  plan: "plan",
  execute: "execute_tool",
} as const;
