import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";

/** A span as an OTLP/HTTP export carries it, attributes flattened. Times are milliseconds since the epoch. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly kind: "internal" | "server" | "client" | "producer" | "consumer";
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Names, in order. */
  readonly events: readonly string[];
  /** Span ids, in order. */
  readonly links: readonly string[];
  readonly status: { readonly code: "unset" | "ok" | "error"; readonly message: string | undefined };
  /** Of the process that sent it. */
  readonly resource: Readonly<Record<string, unknown>>;
}

export interface OtlpReceiver {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly url: string;
  /** Exports answered so far, whatever the answer. */
  readonly requests: number;
  /** All spans received, or those of one trace. */
  spans(traceId?: string): ReceivedSpan[];
  /** Resolves with all spans once the predicate holds for them; rejects after `timeoutMs`, telling how many there were. */
  waitFor(predicate: (spans: readonly ReceivedSpan[]) => boolean, timeoutMs: number): Promise<ReceivedSpan[]>;
  stop(): Promise<void>;
}

export interface OtlpReceiverOptions {
  /** The status to answer an export with, counted from 1; spans are kept when it is below 300. Default: always 200. */
  readonly answer?: (request: number) => number | Promise<number>;
  /** Default: any free one. */
  readonly port?: number;
}

/** A collector for tests: a real HTTP server on 127.0.0.1 that takes OTLP in JSON. Protobuf is refused with 415. */
export async function startOtlpReceiver(options: OtlpReceiverOptions = {}): Promise<OtlpReceiver> {
  const answer = options.answer ?? (() => 200);
  const received: ReceivedSpan[] = [];
  const watchers = new Set<() => void>();
  let requests = 0;

  const take = async (request: IncomingMessage, response: ServerResponse): Promise<number> => {
    const body = await readBody(request);
    if (request.url !== "/v1/traces") return 404;
    if (request.headers["content-type"] !== "application/json") return 415;
    const status = await answer(requests + 1);
    if (status < 300) for (const span of readSpans(JSON.parse(body))) received.push(span);
    response.setHeader("content-type", "application/json");
    return status;
  };
  const server = createServer((request, response) => {
    take(request, response)
      .catch(() => 400)
      .then((status) => {
        requests++;
        response.writeHead(status).end("{}");
        for (const watcher of [...watchers]) watcher();
      });
  });
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, "127.0.0.1", resolve));

  const spans = (traceId?: string) => (traceId ? received.filter((span) => span.traceId === traceId) : [...received]);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get requests() {
      return requests;
    },
    spans,
    waitFor(predicate, timeoutMs) {
      return new Promise((resolve, reject) => {
        const check = () => {
          if (!predicate(received)) return;
          finish();
          resolve(spans());
        };
        const timer = setTimeout(() => {
          finish();
          reject(new Error(`waited ${timeoutMs} ms for spans; ${received.length} have come in ${requests} exports`));
        }, timeoutMs);
        const finish = () => {
          clearTimeout(timer);
          watchers.delete(check);
        };
        watchers.add(check);
        check();
      });
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  return (request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body).toString();
}

// OTLP's JSON, as far as it is read here: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
interface OtlpValue {
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly intValue?: number | string;
  readonly doubleValue?: number;
  readonly arrayValue?: { readonly values: readonly OtlpValue[] };
}
type OtlpAttributes = readonly { readonly key: string; readonly value: OtlpValue }[];
interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes?: OtlpAttributes;
  readonly events?: readonly { readonly name: string }[];
  readonly links?: readonly { readonly spanId: string }[];
  readonly status?: { readonly code?: number; readonly message?: string };
}
interface OtlpRequest {
  readonly resourceSpans: readonly {
    readonly resource?: { readonly attributes?: OtlpAttributes };
    readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[];
  }[];
}

const KINDS = ["internal", "internal", "server", "client", "producer", "consumer"] as const;
const STATUSES = ["unset", "ok", "error"] as const;

function* readSpans(request: OtlpRequest): Generator<ReceivedSpan> {
  for (const { resource, scopeSpans } of request.resourceSpans) {
    const from = readAttributes(resource?.attributes);
    for (const span of scopeSpans.flatMap((scope) => scope.spans)) {
      yield {
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId || undefined,
        name: span.name,
        kind: KINDS[span.kind]!,
        startMs: Number(BigInt(span.startTimeUnixNano) / 1000n) / 1000,
        endMs: Number(BigInt(span.endTimeUnixNano) / 1000n) / 1000,
        attributes: readAttributes(span.attributes),
        events: (span.events ?? []).map(({ name }) => name),
        links: (span.links ?? []).map(({ spanId }) => spanId),
        status: { code: STATUSES[span.status?.code ?? 0]!, message: span.status?.message },
        resource: from,
      };
    }
  }
}

const readAttributes = (attributes: OtlpAttributes = []): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, readValue(value)]));

function readValue(value: OtlpValue): unknown {
  if (value.arrayValue) return value.arrayValue.values.map(readValue);
  if (value.intValue !== undefined) return Number(value.intValue);
  return value.stringValue ?? value.boolValue ?? value.doubleValue;
}

export interface SpanTree {
  readonly root: ReceivedSpan;
  children(span: ReceivedSpan): readonly ReceivedSpan[];
  parent(span: ReceivedSpan): ReceivedSpan | undefined;
}

/**
 * Names the spans that are not within the time of the span above them. Those of a redrive come after the end of their run.
 */
export const outsideTheirParents = (tree: SpanTree, spans: readonly ReceivedSpan[]): string[] =>
  spans
    .filter((span) => span.attributes["tutti.round"] === undefined)
    .flatMap((span) => {
      const parent = tree.parent(span);
      if (!parent || (span.startMs >= parent.startMs && span.endMs <= parent.endMs && span.endMs >= span.startMs))
        return [];
      return [`${span.name} ${span.startMs}–${span.endMs} in ${parent.name} ${parent.startMs}–${parent.endMs}`];
    });

/**
 * Holds that the spans are one trace and one tree: no span id twice, one root, every other span's parent among them.
 * The root's parent may be `callerSpanId`, a span that was not sent here. Throws an error that names what is wrong.
 */
export function assertTree(spans: readonly ReceivedSpan[], callerSpanId?: string): SpanTree {
  const problems: string[] = [];
  const traces = new Set(spans.map((span) => span.traceId));
  if (traces.size !== 1) problems.push(`expected one trace, received ${traces.size}`);

  const byId = new Map<string, ReceivedSpan>();
  const below = new Map<string, ReceivedSpan[]>();
  const roots: ReceivedSpan[] = [];
  for (const span of spans) {
    const same = byId.get(span.spanId);
    if (same) problems.push(`span id ${span.spanId} twice: ${same.name}, ${span.name}`);
    byId.set(span.spanId, span);
  }
  for (const span of spans) {
    if (span.parentSpanId === callerSpanId) roots.push(span);
    else if (span.parentSpanId && byId.has(span.parentSpanId)) {
      const siblings = below.get(span.parentSpanId);
      if (siblings) siblings.push(span);
      else below.set(span.parentSpanId, [span]);
    } else problems.push(`orphan: ${span.name} ${span.spanId}, whose parent is ${span.parentSpanId ?? "none"}`);
  }
  if (roots.length !== 1)
    problems.push(`expected one root, received ${roots.length}: ${roots.map((root) => root.name).join(", ")}`);
  if (problems.length > 0) {
    const more = problems.length > 10 ? `\n… and ${problems.length - 10} more` : "";
    throw new Error(`not a tree of spans:\n${problems.slice(0, 10).join("\n")}${more}`);
  }
  return {
    root: roots[0]!,
    children: (span) => below.get(span.spanId) ?? [],
    parent: (span) => (span.parentSpanId ? byId.get(span.parentSpanId) : undefined),
  };
}
