import { expect, test } from "vitest";
import { worker } from "../../../src/index.ts";
import { eventually } from "../../contract/wait.ts";
import { connectPlainly } from "../../support/plain-client.ts";
import { describeOnNats, type NatsRuntime } from "../../support/runtime.ts";
import { startRuntimeProcess } from "../../support/runtime-process.ts";
import { watchShards } from "../../support/shard-watch.ts";

const SHARDS = 8;
const timing = { ackWaitMs: 5000, presenceTtlMs: 2000 };
const watch = (runtime: NatsRuntime) => watchShards(runtime.server.url, runtime.prefix, SHARDS);
const options = (id: string) => ({ id, shards: SHARDS, timing });

describeOnNats("orchestrators on one bus", (runtime) => {
  test("share the shards evenly whenever one joins or leaves, and tell who owns what", async () => {
    const first = await runtime.start(options("first"));
    await using shards = await watch(runtime);
    await shards.balanced(["first"]);
    const second = await runtime.start(options("second"));
    await shards.balanced(["first", "second"]);
    await runtime.start(options("third"));
    await shards.balanced(["first", "second", "third"]);
    await eventually("the presences to say so", async () => {
      const told = await second.orchestrators();
      return told.length === 3 && told.every((one) => one.shards.length === shards.countOf(one.orchestrator));
    });
    await first.stop();
    await shards.balanced(["second", "third"]);
    await second.stop();
    await shards.balanced(["third"]);
  });

  test("are handed the shards of one that is told to stop at once", async () => {
    const leaver = await startRuntimeProcess({ bus: runtime.server.url, prefix: runtime.prefix, ...options("leaver") });
    await runtime.start(options("heir"));
    await using shards = await watch(runtime);
    await shards.balanced(["leaver", "heir"]);
    const owned = [...shards.owners].filter(([, owner]) => owner === "leaver").map(([shard]) => shard);
    leaver.signal("SIGTERM");
    await shards.balanced(["heir"]);
    expect(await leaver.exited).toBe(0);
    // Nobody has waited for anything to expire.
    expect([...shards.givenBack]).toEqual(expect.arrayContaining(owned));
  });

  test("answer requests of every kind, whichever is asked", async () => {
    const echo = worker("echo", { run: ({ input }) => input as string });
    await runtime.start({ ...options("first"), workers: [echo] });
    await runtime.start(options("second"));
    await runtime.start(options("third"));
    const plain = await connectPlainly(runtime.server.url);
    const { prefix } = runtime;
    const subjects = ["run.echo", "submit.echo", "api.runs.list", "api.orchestrators.list", "api.types.list"];
    for (let i = 0; i < 24; i++)
      for (const subject of subjects) {
        const body = subject.startsWith("api") ? {} : `text ${i}`;
        const answer = await plain.request(`${prefix}.${subject}`, body === "" ? {} : JSON.stringify(body));
        expect(answer.headers, answer.text).not.toHaveProperty("Nats-Service-Error-Code");
        if (subject === "run.echo") expect(answer.json).toBe(`text ${i}`);
      }
    for (let i = 0; i < 12; i++) plain.publish(`${prefix}.requests.echo`, `"late ${i}"`, { "Tutti-Run": `late-${i}` });
    const app = await runtime.start({ orchestrator: false });
    await eventually("the durable requests to end", async () => {
      const ended = (await app.list({ limit: 100 })).filter((one) => one.run.startsWith("late-"));
      return ended.length === 12 && ended.every((one) => one.status === "succeeded");
    });
    const stats: { endpoints: { name: string; num_requests: number }[] }[] = [];
    for await (const message of await plain.nc.requestMany(`$SRV.STATS.${prefix}`, "", {
      maxMessages: 3,
      maxWait: 2000,
    }))
      stats.push(message.json());
    expect(stats).toHaveLength(3);
    for (const { endpoints } of stats)
      expect(endpoints.find((one) => one.name === "run")!.num_requests).toBeGreaterThan(0);
    await plain.close();
  });

  test("pass the question whether an attempt is settled on to the owner of its shard", async () => {
    const held = Promise.withResolvers<void>();
    const began = Promise.withResolvers<void>();
    const slow = worker("slow", {
      run: async () => {
        began.resolve();
        await held.promise;
        return 1;
      },
    });
    const app = await runtime.start({ ...options("first"), workers: [slow] });
    await runtime.start(options("second"));
    await using shards = await watch(runtime);
    await shards.balanced(["first", "second"]);
    await app.submit("slow", {}, { run: "r" });
    await began.promise;
    const plain = await connectPlainly(runtime.server.url);
    const query = { run: "r", task: "-", attempt: 1 };
    // Asked so often that everyone is asked, owner or not.
    const ask = () =>
      Promise.all(
        Array.from(
          { length: 20 },
          async () => (await plain.request(`${runtime.prefix}.api.tasks.settled`, query)).json,
        ),
      );
    const answer = '{"settled":false,"heldBy":"first"}';
    expect(new Set((await ask()).map((one) => JSON.stringify(one)))).toEqual(new Set([answer]));
    held.resolve();
    await app.result("r");
    expect(new Set((await ask()).map((one) => JSON.stringify(one)))).toEqual(new Set(['{"settled":true}']));
    await plain.close();
  });
});
