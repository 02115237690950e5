import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { createMemoryBroker } from "../../../src/bus/memory/bus.ts";
import { decodeJson, encodeJson } from "../../../src/core/json.ts";
import { createVirtualClock } from "../../../src/core/virtual-clock.ts";
import { type Worker, worker } from "../../../src/define/worker.ts";
import { tutti } from "../../../src/tutti.ts";
import { eventually } from "../../contract/wait.ts";
import { connectPlainly, type PlainClient } from "../../support/plain-client.ts";
import { describeOnNats } from "../../support/runtime.ts";
import { startRuntimeProcess } from "../../support/runtime-process.ts";

describeOnNats("a request that is published durably", (runtime) => {
  let client: PlainClient;
  let executed: unknown[] = [];
  const note = worker("note", {
    input: z.object({ n: z.number() }),
    run: ({ input }) => {
      executed.push(input.n);
      return input.n;
    },
  });
  const publish = (type: string, body?: unknown, headers?: Record<string, string>) =>
    client.publish(`${runtime.prefix}.requests.${type}`, body, headers);
  const streamOf = (name: string) => `${runtime.prefix.toUpperCase()}_${name}`;

  /** The next dead letter, as stored. */
  async function deadLetter() {
    const manager = await jetstreamManager(client.nc);
    const query = { last_by_subj: `${runtime.prefix}.dead.>` };
    const found = await eventually("a dead letter", async () => {
      const stored = await manager.streams.getMessage(streamOf("DEAD"), query).catch(() => undefined);
      return stored ?? undefined;
    });
    return found.json() as { subject: string; bodyBase64?: string; bodyRef?: string; run?: string; error: object };
  }

  beforeEach(async () => {
    executed = [];
    client = await connectPlainly(runtime.server.url);
  });
  afterEach(() => client.close());

  test("while no orchestrator runs is executed when one comes", async () => {
    const first = await runtime.start({ workers: [note] });
    await first.stop();
    const js = jetstream(client.nc);
    for (let n = 0; n < 100; n++) await js.publish(`${runtime.prefix}.requests.note`, JSON.stringify({ n }));
    const app = await runtime.start({ workers: [note] });
    await eventually("100 executions", () => executed.length >= 100);
    expect([...executed].sort((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: 100 }, (_, n) => n));
    const runs = await app.list({ limit: 200 });
    expect(new Set(runs.map((one) => one.run)).size).toBe(100);
    expect(runs.map((one) => one.run)).toContain("q000000000001");
  });

  test("keeps the id, the tenant and the priority that it names", async () => {
    const app = await runtime.start({ workers: [note] });
    publish("note", { n: 1 }, { "Tutti-Run": "mine", "Tutti-Tenant": "other", "Tutti-Priority": "high" });
    await eventually("its execution", () => executed.length === 1);
    expect(await app.result("mine", { tenant: "other" })).toBe(1);
  });

  test("twice with one id is one run", async () => {
    const app = await runtime.start({ workers: [note] });
    for (let i = 0; i < 5; i++) publish("note", { n: 7 }, { "Tutti-Run": "once" });
    publish("note", { n: 8 }, { "Tutti-Run": "last" });
    await eventually("the last run", () => executed.includes(8));
    await app.result("once");
    expect(executed.filter((n) => n === 7)).toEqual([7]);
  });

  test("is started once although the orchestrator is killed again and again", async () => {
    await runtime.start({ orchestrator: false, workers: [note] });
    const start = () =>
      startRuntimeProcess({ bus: runtime.server.url, prefix: runtime.prefix, shards: 4, timing: { ackWaitMs: 1000 } });
    let orchestrator = await start();
    for (let n = 0; n < 400; n++) publish("note", { n });
    await client.nc.flush();
    for (const enough of [50, 150, 250]) {
      await eventually(`${enough} executions`, () => executed.length >= enough, 20_000);
      await orchestrator.kill9();
      orchestrator = await start();
    }
    await eventually(
      () => `400 executions (there are ${executed.length})`,
      () => new Set(executed).size === 400,
      45_000,
    );
    const { state } = await (await jetstreamManager(client.nc)).streams.info(streamOf("REQUESTS"));
    await eventually(
      "an empty stream",
      async () => {
        const info = await (await jetstreamManager(client.nc)).streams.info(streamOf("REQUESTS"));
        return info.state.messages === 0;
      },
      45_000,
    );
    expect(state.last_seq).toBe(400);
    const app = await runtime.start({ orchestrator: false });
    expect(await app.list({ limit: 1000 })).toHaveLength(400);
    expect(executed).toHaveLength(400);
    await orchestrator.stop();
  });

  test.each([
    ["empty", "", 400],
    ["no JSON", "{n", 400],
    ["not what its type takes", { n: "one" }, 400],
    ["nested too deep", "[".repeat(5000) + "]".repeat(5000), 400],
  ])("and is %s becomes a dead letter that says why", async (_, body, code) => {
    await runtime.start({ workers: [note] });
    publish("note", body);
    const letter = await deadLetter();
    expect(letter).toMatchObject({ subject: `${runtime.prefix}.requests.note`, error: { code } });
    const text = typeof body === "string" ? body : JSON.stringify(body);
    expect(Buffer.from(letter.bodyBase64!, "base64").toString()).toBe(text);
    publish("note", { n: 1 });
    await eventually("the next request's execution", () => executed.length === 1);
  });

  test("and is as large as a message may be becomes a dead letter too", async () => {
    await runtime.start({ workers: [note] });
    publish("note", "x".repeat(1_000_000));
    expect(await deadLetter()).toMatchObject({ bodyRef: expect.any(String), error: { code: 400 } });
  });

  test("with a type of several tokens becomes a dead letter", async () => {
    await runtime.start({ workers: [note] });
    publish("note.two", { n: 1 });
    expect(await deadLetter()).toMatchObject({ error: { code: 400, received: '"note.two"' } });
  });

  test("becomes a dead letter that can be shown, and redriven once its type is there", async () => {
    const app = await runtime.start({ workers: [note] });
    publish("note", { n: "one" }, { "Tutti-Priority": "high" });
    const [letter] = await eventually("a letter", async () => {
      const letters = await app.dead.list();
      return letters.length > 0 ? letters : undefined;
    });
    expect(letter).toMatchObject({ id: "request:1", kind: "request", type: "note", run: "q000000000001" });
    expect(letter).toMatchObject({ error: { code: 400 }, tenant: "default" });
    const request = { headers: { "Tutti-Priority": "high" }, body: '{"n":"one"}' };
    expect(await app.dead.get("request:1")).toMatchObject({ request });

    await app.stop();
    const lenient = worker("note", { run: ({ input }) => JSON.stringify(input) });
    const later = await runtime.start({ workers: [lenient] });
    expect(await later.dead.redrive("request:1")).toEqual({ id: "request:1", run: "q000000000001" });
    await eventually("its run", async () => (await later.list()).length === 1);
    expect(await later.result("q000000000001")).toBe('{"n":"one"}');
    expect(await later.dead.list()).toEqual([]);
    await expect(later.dead.get("request:1")).rejects.toMatchObject({ code: 404 });
  });

  test("is redriven although its headers told the server to store it once", async () => {
    const app = await runtime.start({ workers: [note] });
    const once = { "Nats-Msg-Id": "mine", "Nats-Expected-Last-Sequence": "0" };
    publish("note", { n: "one" }, once);
    await deadLetter();
    await app.stop();
    const lenient = worker("note", { run: ({ input }) => JSON.stringify(input) });
    const later = await runtime.start({ workers: [lenient] });
    await later.dead.redrive("request:1");
    await eventually("its run", async () => (await later.list()).length === 1);
    expect(await later.result("q000000000001")).toBe('{"n":"one"}');
  });

  test("with the id of another run becomes a dead letter that names it", async () => {
    const app = await runtime.start({ workers: [note] });
    await app.run("note", { n: 1 }, { run: "taken" });
    publish("note", { n: 2 }, { "Tutti-Run": "taken" });
    expect(await deadLetter()).toMatchObject({ run: "taken", error: { code: 409 } });
    expect(executed).toEqual([1]);
  });
});

describe("a durable request for a type that nobody registered", () => {
  const clock = createVirtualClock();
  const broker = createMemoryBroker({ clock });
  const bus = broker.connect();
  const start = (workers: Worker[], orchestrator: boolean) =>
    clock.runUntilSettled(tutti({ env: {}, workers, orchestrator }, { bus: broker.connect(), clock }));
  const publish = (type: string, run: string) =>
    clock.runUntilSettled(bus.append(`tutti.requests.${type}`, encodeJson(1), { headers: { "Tutti-Run": run } }));

  test("is executed when that happens soon after, else it becomes a dead letter", async () => {
    const app = await start([], true);
    await publish("late", "waits");
    await publish("never", "dies");
    await clock.advance(3000);
    await start([worker("late", { run: () => "done" })], false);
    await clock.advance(2000);
    expect(await clock.runUntilSettled(app.result("waits"))).toBe("done");
    await clock.advance(60_000);
    const letter = await clock.runUntilSettled(bus.getLastMessage("TUTTI_DEAD", "tutti.dead.requests.never.*"));
    expect(decodeJson(letter!.data)).toMatchObject({ run: "dies", error: { code: 404 } });
  });
});
