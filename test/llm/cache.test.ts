import { describe, expect, test } from "vitest";
import { z } from "zod";
import { createMemoryBus } from "../../src/bus/memory/bus.ts";
import { systemClock } from "../../src/core/clock.ts";
import { createVirtualClock } from "../../src/core/virtual-clock.ts";
import { SharedBreakers } from "../../src/llm/breaker-fleet.ts";
import { answer, answerJson, failing } from "../support/model-server.ts";
import { connect, rejection } from "./connection.ts";

const cold = { temperature: 0 };

async function connectCaching() {
  const clock = createVirtualClock();
  const bus = createMemoryBus({ clock: systemClock });
  const connection = await connect({
    clock,
    models: ({ url }) => ({ endpoints: { a: { url } }, models: { smart: ["a/m"] }, cache: { ttl: "1h" } }),
    shared: () => ({
      fleet: new SharedBreakers(bus.bucket({ name: "breakers" }), { id: "one", log: () => {} }),
      rates: bus.bucket({ name: "rates" }),
      answers: () => bus.bucket({ name: "answers" }),
    }),
  });
  return { ...connection, clock };
}

describe("the cache", () => {
  test("answers an equal question for its time, and nothing is paid", async () => {
    await using connection = await connectCaching();
    const { server, model, usages, clock } = connection;
    server.script(answer("one"), answer("two"));
    expect(await model.text("x", cold)).toBe("one");
    expect(await model.text("x", cold)).toBe("one");
    expect(usages.length).toBe(1);
    await clock.advance(3_600_000);
    expect(await model.text("x", cold)).toBe("two");
  });

  test("asks where the question differs, above temperature 0, and where the call says so", async () => {
    await using connection = await connectCaching();
    const { server, model } = connection;
    server.always(answer("x"));
    await model.text("x", cold);
    await model.text("y", cold);
    await model.text("x", { ...cold, maxTokens: 5 });
    await model.text("x", { temperature: 0.5 });
    await model.text("x");
    await model.text("x", { ...cold, cache: false });
    expect(server.requests.length).toBe(6);
    await model.text("warm", { cache: true });
    await model.text("warm", { cache: true });
    expect(server.requests.length).toBe(7);
  });

  test("keeps no errors, no cut answers and none that do not match", async () => {
    await using connection = await connectCaching();
    const { server, model } = connection;
    server.script(failing(500), answer("cut", "length"), answer("whole"));
    await rejection(model.text("x", cold));
    await rejection(model.text("x", cold));
    expect(await model.text("x", cold)).toBe("whole");
    const schema = z.object({ n: z.number() });
    server.script(answer("no"), answer("no"), answerJson({ n: 1 }));
    await rejection(model.object(schema, "?", cold));
    expect(await model.object(schema, "?", cold)).toEqual({ n: 1 });
    expect(await model.object(schema, "?", cold)).toEqual({ n: 1 });
    expect(server.requests.length).toBe(6);
  });

  test("lets equal calls in progress share one, of which one alone pays; that one's failure is its own", async () => {
    await using connection = await connectCaching();
    const { server, model, usages } = connection;
    server.always(answer("shared"));
    const own = new AbortController();
    const calls = [1, 2, 3].map(() => model.text("x", cold));
    expect(await Promise.all(calls)).toEqual(["shared", "shared", "shared"]);
    expect([server.requests.length, usages.length]).toEqual([1, 1]);

    server.script({ kind: "hang" });
    const first = rejection(model.text("y", { ...cold, signal: own.signal }));
    await server.received(2);
    const second = model.text("y", cold);
    own.abort(new Error("enough"));
    await first;
    expect(await second).toBe("shared");
  });
});
