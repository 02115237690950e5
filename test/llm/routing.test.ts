import { describe, expect, test } from "vitest";
import { createMemoryBus } from "../../src/bus/memory/bus.ts";
import { systemClock } from "../../src/core/clock.ts";
import { DeferredError, TerminalError } from "../../src/core/error.ts";
import type { ModelsInput } from "../../src/core/models-settings.ts";
import { createVirtualClock, type VirtualClock } from "../../src/core/virtual-clock.ts";
import { SharedBreakers } from "../../src/llm/breaker-fleet.ts";
import { createModelProvider } from "../../src/llm/provider.ts";
import { answer, failing, type ModelServer, refusal, startModelServer } from "../support/model-server.ts";
import { configOf, rejection } from "./connection.ts";

/** Several endpoints, `a`, `b`, `c`, and processes that call their models by aliases. */
async function startEndpoints(settings: (urls: Record<"a" | "b" | "c", string>) => ModelsInput, processes = 1) {
  const servers = { a: await startModelServer(), b: await startModelServer(), c: await startModelServer() };
  for (const [name, server] of Object.entries(servers)) server.always(answer(name));
  const clock = createVirtualClock();
  // The bus takes real time, as HTTP does; only what is waited for is virtual.
  const bus = createMemoryBus({ clock: systemClock });
  const urls = { a: servers.a.url, b: servers.b.url, c: servers.c.url };
  const config = configOf(settings(urls));
  const signal = new AbortController().signal;
  const providers = Array.from({ length: processes }, (_, i) =>
    createModelProvider({
      config,
      clock,
      shared: () => ({
        fleet: new SharedBreakers(bus.bucket({ name: "breakers" }), { id: `process-${i}`, log: () => {} }),
        rates: bus.bucket({ name: "rates" }),
      }),
    }),
  );
  const models = providers.map((provider) => provider.forAttempt({ signal, onUsage: () => {} }));
  return {
    servers,
    clock,
    models,
    model: models[0]!,
    async [Symbol.asyncDispose]() {
      for (const provider of providers) provider.stop();
      for (const server of Object.values(servers)) await server[Symbol.asyncDispose]();
    },
  };
}

const endpointsOf = (urls: Record<string, string>): ModelsInput["endpoints"] =>
  Object.fromEntries(Object.entries(urls).map(([name, url]) => [name, { url }]));
const three = (urls: Record<string, string>, alias: object = {}): ModelsInput => ({
  endpoints: endpointsOf(urls),
  models: { smart: { pool: ["a/m", "b/m", "c/m"], strategy: "round-robin", ...alias } },
  breaker: { minimumRequests: 2, open: "30s" },
});
const sent = (servers: Record<string, ModelServer>) => Object.values(servers).map(({ requests }) => requests.length);

/** Lets virtual time pass until the promise settles, between the turns that real HTTP takes. */
async function runThrough<T>(clock: VirtualClock, promise: Promise<T>, stepMs = 1000): Promise<T> {
  let isOver = false;
  const over = promise.finally(() => {
    isOver = true;
  });
  over.catch(() => {});
  while (!isOver) {
    for (let i = 0; i < 20 && !isOver; i++) await new Promise((resolve) => setImmediate(resolve));
    if (!isOver) await clock.advance(stepMs);
  }
  return over;
}

describe("an alias", () => {
  test("is served by its pool in turns", async () => {
    await using bench = await startEndpoints(three);
    const answers = [];
    for (let i = 0; i < 6; i++) answers.push(await bench.model.text("x", { model: "smart" }));
    expect(answers).toEqual(["a", "b", "c", "a", "b", "c"]);
    expect(bench.servers.a.requests[0]!.body.model).toBe("m");
  });

  test("sends calls of one key to one endpoint, and to another when that one fails", async () => {
    await using bench = await startEndpoints(three);
    const answers = new Set<string>();
    for (let i = 0; i < 4; i++) answers.add(await bench.model.text("x", { key: "conversation-7" }));
    expect(answers.size).toBe(1);
    const [name] = answers as Set<"a" | "b" | "c">;
    bench.servers[name!].always(failing(500));
    expect(await bench.model.text("x", { key: "conversation-7" })).not.toBe(name);
  });

  test("is served by another endpoint of the pool when one fails, and its open breaker is not called again", async () => {
    await using bench = await startEndpoints(three);
    bench.servers.a.always(failing(500));
    for (let i = 0; i < 12; i++) expect(["b", "c"]).toContain(await bench.model.text("x"));
    expect(sent(bench.servers)[0]).toBe(2);
  });

  test("falls back on another alias when none of its pool can be called", async () => {
    await using bench = await startEndpoints((urls) => ({
      endpoints: endpointsOf(urls),
      models: { smart: { pool: ["a/m"], fallback: ["fast"] }, fast: ["b/n"] },
    }));
    bench.servers.a.always(failing(503));
    expect(await bench.model.text("x", { model: "smart" })).toBe("b");
    expect(bench.servers.b.requests[0]!.body.model).toBe("n");
  });

  test("does not try elsewhere what the endpoint refuses about the request itself", async () => {
    await using bench = await startEndpoints(three);
    bench.servers.a.always(refusal(400, "bad prompt"));
    expect(await rejection(bench.model.text("x"))).toBeInstanceOf(TerminalError);
    expect(sent(bench.servers)).toEqual([1, 0, 0]);
  });

  test("of which no breaker is closed says when to come again, and uses up no attempt", async () => {
    await using bench = await startEndpoints(three);
    for (const server of Object.values(bench.servers)) server.always(failing(500));
    while (!((await rejection(bench.model.text("x"))) instanceof DeferredError));
    const before = sent(bench.servers);
    expect(await rejection(bench.model.text("x"))).toMatchObject({ name: "DeferredError", retryAfterMs: 30_000 });
    expect(sent(bench.servers)).toEqual(before);
  });

  test("that is unknown is refused with the one that was probably meant", async () => {
    await using bench = await startEndpoints(three);
    expect((await rejection(bench.model.text("x", { model: "smrt" }))).message).toContain("did you mean smart?");
  });

  test("may be a model of an endpoint by its name", async () => {
    await using bench = await startEndpoints(three);
    expect(await bench.model.text("x", { model: "c/other" })).toBe("c");
    expect(bench.servers.c.requests[0]!.body.model).toBe("other");
  });
});

describe("a limit", () => {
  const limited = (urls: Record<string, string>): ModelsInput => ({
    endpoints: { a: { url: urls.a!, limits: { requests: 5 } } },
    models: { smart: ["a/m"] },
    wait: "5m",
  });

  test("of requests a minute holds over all processes, and calls wait for it", async () => {
    await using bench = await startEndpoints(limited, 4);
    const { clock, servers, models } = bench;
    const times: number[] = [];
    servers.a.always(() => {
      times.push(clock.now());
      return answer("a");
    });
    const calls = Array.from({ length: 12 }, (_, i) => models[i % 4]!.text("x", { timeoutMs: 600_000 }));
    await runThrough(clock, Promise.all(calls));
    expect(times.length).toBe(12);
    for (const [i, at] of times.entries())
      expect(times.filter((t) => t > at - 60_000 && t <= at).length, `${i}`).toBeLessThanOrEqual(5);
  });

  test("that takes longer than a call may wait defers it", async () => {
    await using bench = await startEndpoints((urls) => ({ ...limited(urls), wait: "1s" }));
    for (let i = 0; i < 5; i++) await bench.model.text("x");
    const error = await rejection(bench.model.text("x"));
    expect(error).toBeInstanceOf(DeferredError);
    expect(error.message).toContain("its limit of 5 requests a minute is reached");
    expect(sent(bench.servers)[0]).toBe(5);
  });

  test("of tokens counts the estimate, and then what is reported", async () => {
    await using bench = await startEndpoints((urls) => ({
      endpoints: { a: { url: urls.a!, limits: { tokens: 60 } } },
      models: { smart: ["a/m"] },
      wait: "0s",
    }));
    // Each is estimated at its prompt and 20, and reported with 18.
    for (let i = 0; i < 2; i++) await bench.model.text("one two three", { maxTokens: 20 });
    await bench.model.text("one", { maxTokens: 5 });
    expect(await rejection(bench.model.text("one", { maxTokens: 5 }))).toBeInstanceOf(DeferredError);
  });

  test("that a 429 states with its moment holds for all processes", async () => {
    await using bench = await startEndpoints((urls) => ({ ...limited(urls), wait: "1s" }), 2);
    bench.servers.a.script(failing(429, { "retry-after": "20" }));
    expect(await rejection(bench.models[0]!.text("x"))).toMatchObject({
      name: "DeferredError",
      retryAfterMs: 20_000,
    });
    // The other process has heard of it by its first call.

    expect(await rejection(bench.models[1]!.text("x"))).toMatchObject({ name: "DeferredError" });
    expect(sent(bench.servers)[0]).toBe(1);
    await bench.clock.advance(20_000);
    expect(await bench.models[1]!.text("x")).toBe("a");
  });

  test("that the endpoint says is used up is not run into", async () => {
    await using bench = await startEndpoints((urls) => ({ ...limited(urls), wait: "1s" }));
    bench.servers.a.script({
      kind: "answer",
      text: "a",
      headers: { "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "12s" },
    });
    await bench.model.text("x");
    expect(await rejection(bench.model.text("x"))).toMatchObject({
      name: "DeferredError",
      retryAfterMs: 12_000,
    });
    expect(sent(bench.servers)[0]).toBe(1);
  });

  test("of one key leaves the others", async () => {
    await using bench = await startEndpoints((urls) => ({
      endpoints: { a: { url: urls.a!, keys: ["key-one", "key-two"] } },
      models: { smart: ["a/m"] },
      wait: "0s",
    }));
    bench.servers.a.script(failing(429, { "retry-after": "20" }));
    await rejection(bench.model.text("x"));
    for (let i = 0; i < 3; i++) await bench.model.text("x");
    const keys = bench.servers.a.requests.map(({ headers }) => headers.authorization);
    expect(keys).toEqual(["Bearer key-one", "Bearer key-two", "Bearer key-two", "Bearer key-two"]);
  });
});

test("the concurrency of an endpoint holds over its models, and calls take turns", async () => {
  await using bench = await startEndpoints((urls) => ({
    endpoints: { a: { url: urls.a!, concurrency: 1 }, b: { url: urls.b! } },
    models: { smart: ["a/m"], fast: ["a/n"] },
  }));
  const { servers, model } = bench;
  servers.a.script({ kind: "stream", pieces: ["x"], end: "hang" }, answer("second"));
  const first = model.stream("x", { model: "smart" })[Symbol.asyncIterator]();
  await first.next();
  let isSecondSent = false;
  const second = model.text("y", { model: "fast" }).finally(() => {
    isSecondSent = true;
  });
  // Another endpoint's whole round trip is time enough for one that does not wait.
  await model.text("z", { model: "b/m" });
  expect(isSecondSent).toBe(false);
  expect(servers.a.requests.length).toBe(1);
  await first.return!();
  expect(await second).toBe("second");
});
