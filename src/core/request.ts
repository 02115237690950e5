import { z } from "zod";
import { duration } from "./duration.ts";
import { name, priority } from "./names.ts";
import { tagsInHeader } from "./tags.ts";

/** Headers of a request, and of its reply. */
export const HEADERS = {
  run: "Tutti-Run",
  tenant: "Tutti-Tenant",
  priority: "Tutti-Priority",
  deadline: "Tutti-Deadline",
  requester: "Tutti-Requester",
  tags: "Tutti-Tags",
  trace: "traceparent",
  errorCode: "Nats-Service-Error-Code",
  error: "Nats-Service-Error",
  /** `ref` when the body of a reply is a reference, the output being too large for a message. */
  output: "Tutti-Output",
} as const;

export const DEFAULT_TENANT = "default";

/** What the headers of a request say; durations in milliseconds once read. */
export const requestHeaders = z.object({
  [HEADERS.run]: name.optional(),
  [HEADERS.tenant]: name.default(DEFAULT_TENANT),
  [HEADERS.priority]: priority.optional(),
  [HEADERS.deadline]: duration.pipe(z.number().positive({ error: "expected a duration above 0" })).optional(),
  [HEADERS.requester]: z
    .string()
    .max(256)
    .regex(/^\P{Cc}*$/u, { error: "expected one line of text" })
    .optional(),
  /** With commas between them. */
  [HEADERS.tags]: tagsInHeader.optional(),
});
export type RequestHeaders = z.output<typeof requestHeaders>;

/** The id of a run that was requested without one follows from the request's place in the stream: a redelivery starts nothing twice. */
export const queuedRunId = (sequence: number): string => `q${String(sequence).padStart(12, "0")}`;
