import type { StoredMessage } from "../../bus/port.ts";
import { lastToken, typeOfRequest } from "../../bus/subjects.ts";
import { type DeadLetter, deadRequest } from "../../core/dead-letter.ts";
import { decodeJson } from "../../core/json.ts";
import { isName } from "../../core/names.ts";
import { DEFAULT_TENANT, HEADERS, queuedRunId } from "../../core/request.ts";
import type { Runtime } from "../host/runtime.ts";

/** The letter of a stored request that no run could be made of. Undefined for what we have not written. */
export function readRequestLetter(runtime: Runtime, stored: StoredMessage): DeadLetter | undefined {
  try {
    const { subject, headers, bodyBase64, bodyRef, error, run } = deadRequest.parse(decodeJson(stored.data));
    const named = Object.entries(headers).find(([key]) => key.toLowerCase() === HEADERS.tenant.toLowerCase())?.[1];
    const sequence = Number(lastToken(stored.subject));
    return {
      id: `request:${sequence}`,
      kind: "request",
      at: new Date(stored.timestamp).toISOString(),
      tenant: isName(named) ? named : DEFAULT_TENANT,
      type: typeOfRequest(runtime.topology.subjects, subject),
      run: run ?? queuedRunId(sequence),
      error,
      request: { subject, headers, ...bodyOf(bodyBase64), ...(bodyRef !== undefined && { bodyRef }) },
    };
  } catch {
    return undefined;
  }
}

/** As text where it is text. */
function bodyOf(bodyBase64: string | undefined): { body?: string; bodyBase64?: string } {
  if (bodyBase64 === undefined) return {};
  try {
    return {
      body: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.from(bodyBase64, "base64")),
    };
  } catch {
    return { bodyBase64 };
  }
}

/** Publishes the request again, under the id that its run would have had: two of the same id are one run. */
export async function redriveRequest(runtime: Runtime, { request, run = "" }: DeadLetter): Promise<void> {
  const { bodyRef, bodyBase64, body = "" } = request!;
  const data = bodyRef
    ? await runtime.blobs.get(bodyRef)
    : bodyBase64 === undefined
      ? new TextEncoder().encode(body)
      : Buffer.from(bodyBase64, "base64");
  await runtime.bus.append(request!.subject, data, {
    headers: { ...ownHeaders(request!.headers), ...(run !== "" && { [HEADERS.run]: run }) },
  });
}

/**
 * Without what was meant for the server, and for the first time only: by the same `Nats-Msg-Id` it would confirm the
 * message as a duplicate and store nothing.
 */
const ownHeaders = (headers: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !/^nats-/i.test(name)));
