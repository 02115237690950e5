import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { connect } from "@nats-io/transport-node";
import { expect, onTestFinished, test } from "vitest";
import type { BusEvent } from "../../../src/bus/bus-event.ts";
import { connectNats } from "../../../src/bus/nats/bus.ts";
import { type Clock, systemClock } from "../../../src/core/clock.ts";
import { encodeJson } from "../../../src/core/json.ts";
import { tutti } from "../../../src/index.ts";
import { eventually } from "../../contract/wait.ts";
import { startNatsServer } from "../../support/nats-server.ts";
import { startProxy } from "../../support/proxy.ts";
import { startRuntimeProcess } from "../../support/runtime-process.ts";

/** A server that has little patience with those who do not read. The default is 64 MB, and 10 s. */
const impatient = (maxPending: string) => `max_pending: ${maxPending}\nwrite_deadline: "500ms"\n`;

/** Nothing runs in this process for so long, as in a handler that computes. */
const standStill = (ms: number) => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

async function startImpatientServer(maxPending: string) {
  const server = await startNatsServer({ config: impatient(maxPending) });
  onTestFinished(() => server.stop());
  return server;
}

/** Another process that floods a stream, a queue and subscribers, once it is told to. */
async function startFlood(url: string, name: string, count: number, bytes: number) {
  const main = fileURLToPath(new URL("../../support/flood-main.ts", import.meta.url));
  const child = spawn(process.execPath, [main, url, name, `${count}`, `${bytes}`], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout });
  await once(lines, "line");
  return { go: () => void child.stdin.write("go\n"), done: once(lines, "line") };
}

test.each(["1MB", "8MB"])(
  "a client that stood still is cut off by a server that holds %s for it, and has missed nothing that is stored",
  async (maxPending) => {
    const server = await startImpatientServer(maxPending);
    const bus = await connectNats({ servers: server.url });
    onTestFinished(() => bus.close());
    const name = `s${randomBytes(5).toString("hex")}`;
    await bus.ensureStream({ name, subjects: [`${name}.log.*`], retention: "limits" });
    await bus.ensureStream({ name: `${name}q`, subjects: [`${name}.queue.*`], retention: "work-queue" });
    await bus.ensureConsumer({
      stream: `${name}q`,
      name: "c",
      filter: `${name}.queue.*`,
      ackWaitMs: 5000,
      maxAckPending: 5000,
    });
    const events: BusEvent[] = [];
    bus.onEvent((event) => events.push(event));
    const followed: number[] = [];
    await bus.follow(name, `${name}.log.*`, ({ sequence }) => void followed.push(sequence));
    const taken = new Set<string>();
    const puller = await bus.pull(`${name}q`, "c", (delivery) => {
      taken.add(delivery.subject);
      delivery.ack();
      puller.demand(1);
    });
    puller.demand(1000);
    const bucket = await bus.bucket({ name: `${name}b` });
    const seen = new Map<string, string>();
    await bucket.watch((key, value) => void seen.set(key, Buffer.from(value!).toString()));
    let heard = 0;
    await bus.subscribe(`${name}.core.*`, () => void heard++);
    const count = 2000;
    const flood = await startFlood(server.url, name, count, 20_000);
    flood.go();
    standStill(4000);
    await flood.done;
    await eventually(
      () => `all that was stored (${followed.length})`,
      () => followed.length >= count,
      40_000,
    );
    await eventually(
      () => `all that was queued (${taken.size})`,
      () => taken.size === count,
      40_000,
    );
    expect(server.log).toMatch(/Slow Consumer/i);
    expect(followed).toEqual(Array.from({ length: count }, (_, i) => i + 1));
    const types = events.map(({ type }) => type);
    for (const type of ["stalled", "disconnected", "reconnected", "resynchronised"]) expect(types).toContain(type);
    // What is not stored and was on its way is lost, by its nature; what comes now is heard again.
    const before = heard;
    bus.publish(`${name}.core.0`, new Uint8Array(1));
    await bucket.put("key", encodeJson("after"));
    await eventually("what comes now", () => heard > before && seen.get("key") === '"after"');
    await eventually("an empty queue", async () => (await bus.streamState(`${name}q`)).messages === 0, 20_000);
  },
  120_000,
);

test("a follower that was cut off soon asks for less in a second, until its connection has lasted", async () => {
  const server = await startNatsServer();
  const proxy = await startProxy(server.url);
  onTestFinished(async () => {
    await proxy.close();
    await server.stop();
  });
  // Ten times as fast as the real one.
  const clock: Clock = {
    ...systemClock,
    monotonic: () => 10 * systemClock.monotonic(),
    timer: (delayMs, run) => systemClock.timer(delayMs / 10, run),
  };
  const bus = await connectNats({ servers: proxy.url, clock });
  const observer = await connect({ servers: server.url });
  onTestFinished(() => Promise.all([bus.close(), observer.close()]).then(() => {}));
  await bus.ensureStream({ name: "S", subjects: ["s.*"], retention: "limits" });
  const seen: number[] = [];
  await bus.follow("S", "s.*", ({ sequence }) => void seen.push(sequence));
  const rates = async () => {
    const answer = await observer.request("$JS.API.CONSUMER.LIST.S");
    const told = answer.json<{ consumers: ({ config: { rate_limit_bps?: number }; push_bound?: boolean } | null)[] }>();
    // One that goes while the server makes the list is null.
    return told.consumers.flatMap((one) => (one?.push_bound ? [one.config.rate_limit_bps ?? "none"] : []));
  };
  expect(await rates()).toEqual(["none"]);
  proxy.breakConnections();
  await eventually("a slow consumer", async () => (await rates()).join() === `${64 * 2 ** 20}`, 10_000);
  await bus.append("s.1", new Uint8Array(1));
  await eventually("its message", () => seen.length === 1);
  await eventually("one without a limit", async () => (await rates()).join() === "none", 15_000);
  await bus.append("s.2", new Uint8Array(1));
  await eventually("the next", () => seen.length === 2);
  expect(seen).toEqual([1, 2]);
});

test("an orchestrator that stood still while results came is cut off, and its run ends right", async () => {
  const server = await startImpatientServer("8MB");
  const logged: string[] = [];
  const app = await tutti({ bus: server.url, shards: 1, env: {}, onLog: (_, line) => void logged.push(line) });
  onTestFinished(() => app.stop({ graceMs: 0 }));
  const workers = await startRuntimeProcess({
    bus: server.url,
    shards: 1,
    orchestrator: false,
    workers: ["bulk", "bulky", "measured"],
    concurrency: 50,
  });
  onTestFinished(() => workers.kill9());
  const bus = await connectNats({ servers: server.url });
  const tasks = 2000;
  const ended = app.run("bulk", { tasks, bytes: 30_000 });
  await eventually("results", async () => (await bus.streamState("TUTTI_LOG")).messages > 5);
  await bus.close();
  standStill(3000);
  expect(await ended).toBe(30_000);
  const [run] = await app.list();
  expect(run?.totals).toMatchObject({ tasks: tasks + 3, succeeded: tasks + 3, failed: 0 });
  expect(server.log).toMatch(/Slow Consumer/i);
  expect(logged.join("\n")).toMatch(/this process stood still for [23]\.\ds/);
  await workers.stop();
});
