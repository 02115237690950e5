import { setTimeout } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { RetryableError } from "../../src/core/error.ts";
import type { BreakerOptions } from "../../src/llm/breaker.ts";
import { answer, failing, type Reply, refusal } from "../support/model-server.ts";
import { type Connection, connect, readAll, rejection } from "./connection.ts";

const QUICK: BreakerOptions = { minimumRequests: 3, openMs: 400, windowMs: 60_000 };
const LONG: BreakerOptions = { ...QUICK, openMs: 30_000 };

async function failTimes({ server, model }: Connection, count: number, reply: Reply): Promise<void> {
  for (let i = 0; i < count; i++) {
    server.script(reply);
    await rejection(model.text("x", { timeoutMs: reply.kind === "hang" ? 150 : 10_000 }));
  }
}

describe("the breaker", () => {
  test.each([
    ["5xx", failing(503)],
    ["reset connections", { kind: "reset" } as const],
    ["timeouts", { kind: "hang" } as const],
    ["answers that are none", { kind: "raw", body: "{}" } as const],
  ])("opens after %s and then fails calls at once, saying when to come again", async (_, reply) => {
    await using connection = await connect({ breaker: LONG });
    await failTimes(connection, 3, reply);
    const sent = connection.server.requests.length;

    const error = await rejection(connection.model.text("x"));

    expect(error).toBeInstanceOf(RetryableError);
    expect(error.message).toMatch(/not called, because it keeps failing; next try in (29|30)s/);
    expect((error as RetryableError).retryAfterMs).toBeGreaterThan(25_000);
    expect((error as RetryableError).retryAfterMs).toBeLessThanOrEqual(30_010);
    expect(connection.server.requests.length).toBe(sent);
  });

  test("stays closed on too few requests", async () => {
    await using connection = await connect({ breaker: LONG });
    await failTimes(connection, 2, failing(500));
    connection.server.script(answer("fine"));
    expect(await connection.model.text("x")).toBe("fine");
  });

  test.each([
    ["refusals", refusal(400, "bad prompt")],
    ["a rate limit", failing(429)],
    ["a wrong key", refusal(401, "who are you")],
  ])("stays closed on %s", async (_, reply) => {
    await using connection = await connect({ breaker: LONG });
    await failTimes(connection, 6, reply);
    connection.server.script(answer("fine"));
    expect(await connection.model.text("x")).toBe("fine");
  });

  test("stays closed when callers give up", async () => {
    await using connection = await connect({ breaker: LONG });
    const { server, model } = connection;
    server.always({ kind: "hang" });
    for (let i = 1; i <= 5; i++) {
      const own = new AbortController();
      const failed = rejection(model.text("x", { signal: own.signal }));
      await server.received(i);
      own.abort(new Error("enough"));
      await failed;
    }
    server.always(answer("fine"));
    expect(await model.text("x")).toBe("fine");
  });

  test("lets one request through after a while, and closes when it succeeds", async () => {
    await using connection = await connect({ breaker: QUICK });
    const { server, model } = connection;
    const halfOpen = connection.logged("the next request tries");
    await failTimes(connection, 3, failing(500));
    await halfOpen;

    server.script(answer("back"));
    expect(await model.text("x")).toBe("back");
    server.script(answer("again"));
    expect(await model.text("x")).toBe("again");
    expect(connection.logs.some((line) => line.endsWith("works again"))).toBe(true);
  });

  test("who comes again when told is let through", async () => {
    await using connection = await connect({ breaker: QUICK });
    const { server, model } = connection;
    const halfOpen = connection.logged("the next request tries");
    await failTimes(connection, 3, failing(500));
    const { retryAfterMs } = (await rejection(model.text("x"))) as RetryableError;
    expect(retryAfterMs).toBeLessThanOrEqual(410);
    // Of two timers the one that is due first fires first.
    const told = setTimeout(retryAfterMs, "told");
    expect(await Promise.race([halfOpen, told])).not.toBe("told");
    server.script(answer("back"));
    expect(await model.text("x")).toBe("back");
  });

  test("opens again when the request on trial fails, and sends no other meanwhile", async () => {
    await using connection = await connect({ breaker: QUICK });
    const { server, model } = connection;
    let halfOpen = connection.logged("the next request tries");
    await failTimes(connection, 3, failing(500));
    await halfOpen;

    halfOpen = connection.logged("the next request tries");
    server.script({ kind: "hang" });
    const trial = rejection(model.text("trial", { timeoutMs: 600 }));
    await server.received(4);
    const other = await rejection(model.text("other"));
    expect(other.message).toContain("not called");
    expect((await trial).message).toContain("no answer");
    expect(server.requests.length).toBe(4);
    expect((await rejection(model.text("third"))).message).toContain("not called");

    await halfOpen;
    server.script(answer("back"));
    expect(await model.text("x")).toBe("back");
  });

  test("does not close because the caller of the request on trial gave up", async () => {
    await using connection = await connect({ breaker: QUICK });
    const { server, model } = connection;
    const halfOpen = connection.logged("the next request tries");
    await failTimes(connection, 3, failing(500));
    await halfOpen;
    server.script({ kind: "hang" });
    const own = new AbortController();
    const trial = rejection(model.text("trial", { signal: own.signal }));
    await server.received(4);
    own.abort(new Error("enough"));
    await trial;
    expect((await rejection(model.text("x"))).message).toContain("not called");
  });

  test("sends nothing after it was stopped", async () => {
    await using connection = await connect();
    const { server, model } = connection;
    server.script(answer("fine"));
    await model.text("x");
    await connection.stop();
    const error = await rejection(model.text("x"));
    expect(error).toBeInstanceOf(RetryableError);
    expect(error.message).toContain("was stopped");
    expect(server.requests.length).toBe(1);
  });

  test("is one for all attempts of a process", async () => {
    await using connection = await connect({ breaker: LONG });
    await failTimes(connection, 3, failing(500));
    expect((await rejection(connection.another().text("x"))).message).toContain("not called");
  });

  test("covers the start of streams", async () => {
    await using connection = await connect({ breaker: LONG });
    const { server, model } = connection;
    for (const reply of [failing(500), { kind: "reset" } as const, { kind: "raw", body: "{}" } as const]) {
      server.script(reply);
      await rejection(readAll(model.stream("x")));
    }
    expect((await rejection(readAll(model.stream("x")))).message).toContain("not called");
    expect((await rejection(model.text("x"))).message).toContain("not called");
    expect(server.requests.length).toBe(3);
  });
});
