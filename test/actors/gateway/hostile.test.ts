import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createMemoryBroker } from "../../../src/bus/memory/bus.ts";
import type { Bus } from "../../../src/bus/port.ts";
import { createSubjects } from "../../../src/bus/subjects.ts";
import { createTopology } from "../../../src/bus/topology.ts";
import { decodeJson, encodeJson } from "../../../src/core/json.ts";
import { plan, type Tutti, task, worker } from "../../../src/index.ts";
import { tutti } from "../../../src/tutti.ts";

const subjects = createSubjects("tutti");
const echo = worker("echo", { run: ({ input }) => input ?? null });

/** Somebody with a connection of their own, who writes what no worker of ours would. */
describe("whoever is on the same bus", () => {
  let broker: ReturnType<typeof createMemoryBroker>;
  let app: Tutti;
  let stranger: Bus;
  const workers = [
    echo,
    worker("chatty", {
      run: ({ progress, log }) => {
        progress(1n as never);
        const cycle: { self?: unknown } = {};
        cycle.self = cycle;
        progress(cycle as never);
        log("x".repeat(100_000));
        return "told";
      },
    }),
    worker("parent", { run: () => plan((p) => p.task(echo, { from: p.task(task("strange"), {}).output })) }),
  ];

  beforeEach(async () => {
    broker = createMemoryBroker();
    stranger = broker.connect();
    app = await tutti({ env: {}, workers, shards: 1 }, { bus: broker.connect() });
    const types = await stranger.bucket(createTopology().buckets.types);
    await types.put("strange", encodeJson({ v: 1, type: "strange" }));
  });
  afterEach(async () => {
    await app.stop({ graceMs: 0 });
    await stranger.close();
  });

  const putBlob = async (data: Uint8Array) => {
    const ref = randomBytes(8).toString("hex");
    await (await stranger.objects(createTopology().blobs)).put(ref, data);
    return ref;
  };
  const answerFor = (run: string, content: object) =>
    stranger.append(
      `${subjects.reply("default", 0, run)}.result`,
      encodeJson({ v: 1, results: [{ attempt: 1, ...content }] }),
    );

  test.each([
    ["no UTF-8", Uint8Array.of(0xff, 0xfe, 0x80)],
    ["no JSON", new TextEncoder().encode("{")],
  ])("fails its own run, and holds up no other, with a plan by reference that is %s", async (_, data) => {
    const { run } = await app.submit("strange", {}, { run: "mine" });
    await answerFor(run, { task: "-", planRef: await putBlob(data) });
    await expect(app.result(run)).rejects.toMatchObject({ code: 422 });
    expect(await app.run(echo, "still there")).toBe("still there");
  });

  test("fails those that need an output by reference which is no JSON", async () => {
    const { run } = await app.submit("parent", {}, { run: "mine" });
    const outputRef = await putBlob(new TextEncoder().encode("{"));
    // A result for a task that is not there yet would be ignored.
    for await (const event of app.watch(run)) if (event.kind === "task" && event.task.task === "strange") break;
    await answerFor(run, { task: "strange", outputRef });
    await expect(app.result(run)).rejects.toMatchObject({ code: 422, details: { task: "echo" } });
  });

  test("ends its run with an error however long its own words are", async () => {
    const { run } = await app.submit("strange", {}, { run: "mine" });
    await answerFor(run, { task: "-", error: { kind: "terminal", message: "x".repeat(1_000_000) } });
    await expect(app.result(run)).rejects.toMatchObject({ code: 422 });
  });

  test("gets an error reply however long the names in its request are", async () => {
    const registry = await stranger.bucket(createTopology().buckets.types);
    const input = { type: "object", properties: {}, additionalProperties: false };
    await registry.put("narrow", encodeJson({ v: 1, type: "narrow", input }));
    const data = encodeJson({ [`a${"b".repeat(600_000)}`]: 1 });
    const answer = await stranger.request(subjects.run("narrow"), data, { timeoutMs: 5000 });
    expect(decodeJson(answer.data)).toMatchObject({ error: { code: 400 } });
  });

  test("does not see a handler fail for what it wanted to tell", async () => {
    expect(await app.run("chatty", {})).toBe("told");
  });
});
