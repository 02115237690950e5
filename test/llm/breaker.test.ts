import { describe, expect, test } from "vitest";
import { DeferredError, RetryableError } from "../../src/core/error.ts";
import { createVirtualClock, type VirtualClock } from "../../src/core/virtual-clock.ts";
import type { BreakerOptions } from "../../src/llm/breaker.ts";
import { answer, failing, type Reply, refusal } from "../support/model-server.ts";
import { type Connection, connect, readAll, rejection } from "./connection.ts";

const OPTIONS: BreakerOptions = { minimumRequests: 3, openMs: 30_000, windowMs: 60_000 };

/** A connection whose time passes only when it is advanced. */
async function connectVirtually(): Promise<Connection & { clock: VirtualClock }> {
  const clock = createVirtualClock();
  return { ...(await connect({ breaker: OPTIONS, clock })), clock };
}

async function failTimes({ server, model, clock }: Connection & { clock: VirtualClock }, count: number, reply: Reply) {
  for (let i = 0; i < count; i++) {
    server.script(reply);
    const failed = rejection(model.text("x", { timeoutMs: 100 }));
    if (reply.kind === "hang") {
      await server.received(server.requests.length + 1);
      await clock.advance(100);
    }
    await failed;
  }
}

describe("the breaker", () => {
  test.each([
    ["5xx", failing(503)],
    ["reset connections", { kind: "reset" } as const],
    ["timeouts", { kind: "hang" } as const],
    ["answers that are none", { kind: "raw", body: "{}" } as const],
  ])("opens after %s and then fails calls at once, saying when to come again", async (_, reply) => {
    await using connection = await connectVirtually();
    await failTimes(connection, 3, reply);
    const sent = connection.server.requests.length;

    const error = await rejection(connection.model.text("x"));

    expect(error).toBeInstanceOf(DeferredError);
    expect(error.message).toMatch(/not called, because it keeps failing \(.+\); next try in 30s/);
    expect((error as DeferredError).retryAfterMs).toBe(30_000);
    expect(connection.server.requests.length).toBe(sent);
  });

  test("stays closed on too few requests", async () => {
    await using connection = await connectVirtually();
    await failTimes(connection, 2, failing(500));
    connection.server.script(answer("fine"));
    expect(await connection.model.text("x")).toBe("fine");
  });

  test.each([
    ["refusals", refusal(400, "bad prompt")],
    ["a rate limit", failing(429)],
    ["a wrong key", refusal(401, "who are you")],
  ])("stays closed on %s", async (_, reply) => {
    await using connection = await connectVirtually();
    await failTimes(connection, 6, reply);
    connection.server.script(answer("fine"));
    expect(await connection.model.text("x")).toBe("fine");
  });

  test("stays closed when callers give up", async () => {
    await using connection = await connectVirtually();
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

  test("lets one request through once its time is over, and closes when it succeeds", async () => {
    await using connection = await connectVirtually();
    const { server, model, clock } = connection;
    await failTimes(connection, 3, failing(500));
    const { retryAfterMs } = (await rejection(model.text("x"))) as DeferredError;
    // A call waits for less than 10 s.
    await clock.advance(retryAfterMs! - 10_001);
    expect((await rejection(model.text("x"))).message).toContain("not called");
    await clock.advance(10_001);

    server.script(answer("back"));
    expect(await model.text("x")).toBe("back");
    server.script(answer("again"));
    expect(await model.text("x")).toBe("again");
    expect(connection.logs.some((line) => line.endsWith("works again"))).toBe(true);
  });

  test("opens again when the request on trial fails, and sends no other meanwhile", async () => {
    await using connection = await connectVirtually();
    const { server, model, clock } = connection;
    await failTimes(connection, 3, failing(500));
    await clock.advance(30_000);

    server.script({ kind: "hang" });
    const trial = rejection(model.text("trial", { timeoutMs: 600 }));
    await server.received(4);
    const other = await rejection(model.text("other"));
    expect(other.message).toContain("not called");
    await clock.advance(600);
    expect((await trial).message).toContain("no answer");
    expect(server.requests.length).toBe(4);
    expect((await rejection(model.text("third"))).message).toContain("not called");

    await clock.advance(30_000);
    server.script(answer("back"));
    expect(await model.text("x")).toBe("back");
  });

  test("does not close because the caller of the request on trial gave up", async () => {
    await using connection = await connectVirtually();
    const { server, model, clock } = connection;
    await failTimes(connection, 3, failing(500));
    await clock.advance(30_000);
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
    await using connection = await connectVirtually();
    await failTimes(connection, 3, failing(500));
    expect((await rejection(connection.another().text("x"))).message).toContain("not called");
  });

  test("covers the start of streams", async () => {
    await using connection = await connectVirtually();
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
