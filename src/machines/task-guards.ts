import type { TaskContext } from "./task-context.ts";
import type { TaskMachineEvent } from "./task-event.ts";

/** What the chart of a task asks of an event before it takes a way. All of an event that is looked at here is in its step's key. */
interface Given {
  readonly context: TaskContext;
  readonly event: TaskMachineEvent;
}

export const guards = {
  mayRetry: ({ context, event }: Given) =>
    event.type === "attemptFailed" &&
    (event.isRetried ?? event.error.kind === "retryable") &&
    event.error.kind !== "cancelled" &&
    context.attempt - context.spent < (event.attempts ?? context.attempts),
  recovers: ({ event }: Given) => "recovers" in event && event.recovers === true,
  endsCancelled: ({ context }: Given) => context.ending === "cancelled",
  endsSkipped: ({ context }: Given) => context.ending === "skipped",
  endsAbandoned: ({ context }: Given) => context.ending === "abandoned",
  wasCancelled: ({ event }: Given) => event.type === "attemptFailed" && event.error.kind === "cancelled",
  wasCancelledAndRecovers: ({ event }: Given) =>
    event.type === "attemptFailed" && event.error.kind === "cancelled" && event.recovers === true,
};
