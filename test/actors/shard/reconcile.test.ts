import { jetstreamManager } from "@nats-io/jetstream";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import { shardOf } from "../../../src/core/hash.ts";
import { worker } from "../../../src/index.ts";
import { eventually } from "../../contract/wait.ts";
import { connectPlainly, type PlainClient } from "../../support/plain-client.ts";
import { startProxy } from "../../support/proxy.ts";
import { describeOnNats } from "../../support/runtime.ts";

/** What a server that was killed may have left: its queue and its log do not agree. The connection of Tutti alone is cut. */
describeOnNats("after a reconnect, the owner of a shard", (runtime) => {
  let client: PlainClient;
  beforeEach(async () => {
    client = await connectPlainly(runtime.server.url);
  });
  afterEach(() => client.close());

  const greet = worker("greet", { run: () => "hello" });
  const subjectOf = (run: string) => `${runtime.prefix}.tasks.greet.normal.${shardOf(run, 4)}.default.${run}.-.1`;

  async function queue() {
    const manager = await jetstreamManager(client.nc);
    const stream = `${runtime.prefix.toUpperCase()}_TASKS`;
    return {
      async subjects() {
        const { state } = await manager.streams.info(stream, { subjects_filter: ">" });
        return Object.keys(state.subjects ?? {});
      },
      async lose(subject: string) {
        const { seq } = (await manager.streams.getMessage(stream, { last_by_subj: subject }))!;
        await manager.streams.deleteMessage(stream, seq);
      },
    };
  }

  /** An orchestrator whose connection can be cut, and a worker that has come and gone: what is queued stays. */
  async function startWithoutWorkers() {
    const proxy = await startProxy(runtime.server.url);
    onTestFinished(() => proxy.close());
    const app = await runtime.start({ bus: proxy.url });
    const registering = await runtime.start({ orchestrator: false, workers: [greet] });
    await registering.stop();
    return { app, proxy };
  }

  test("takes off the queue what belongs to no open attempt", async () => {
    const { app, proxy } = await startWithoutWorkers();
    const { subjects } = await queue();
    await app.submit("greet", {}, { run: "open" });
    await eventually("the open attempt on the queue", async () => (await subjects()).length === 1);
    client.publish(subjectOf("over"), { v: 1 });
    await eventually("the stale message on the queue", async () => (await subjects()).length === 2);
    proxy.breakConnections();
    await eventually("its removal", async () => (await subjects()).length === 1);
    expect(await subjects()).toEqual([subjectOf("open")]);
  });

  test("puts back on the queue what the server has lost", async () => {
    const { app, proxy } = await startWithoutWorkers();
    const { subjects, lose } = await queue();
    for (const run of ["lost", "kept"]) await app.submit("greet", {}, { run });
    await eventually("both on the queue", async () => (await subjects()).length === 2);
    await lose(subjectOf("lost"));
    expect(await subjects()).toEqual([subjectOf("kept")]);
    proxy.breakConnections();
    await eventually("the lost one", async () => (await subjects()).includes(subjectOf("lost")));
    await runtime.start({ orchestrator: false, workers: [greet] });
    expect(await Promise.all([app.result("lost"), app.result("kept")])).toEqual(["hello", "hello"]);
    expect((await app.get("lost")).totals).toMatchObject({ executions: 1 });
  });
});
