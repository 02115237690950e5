import { setTimeout as pause } from "node:timers/promises";
import { connect } from "@nats-io/transport-node";
import { describe, expect, onTestFinished, test } from "vitest";
import { plan, type Tutti, tutti, worker } from "../../src/index.ts";
import { eventually } from "../contract/wait.ts";
import { freePort, type NatsServer, startNatsServer } from "../support/nats-server.ts";
import { startProxy } from "../support/proxy.ts";
import { describeOnNats, ON_REAL_SERVERS } from "../support/runtime.ts";

const LEASE_MS = 1500;
const timing = { ackWaitMs: 3000, presenceTtlMs: LEASE_MS };
const TASKS = 300;
/** How long everything is cut off: longer than a lease. TUTTI_TEST_OUTAGE=30000 for the long form. */
const OUTAGE_MS = Number(process.env.TUTTI_TEST_OUTAGE ?? 6000);

/** A wide plan, and what was executed of it. `reached` resolves after so many executions. */
function wideWorkers(count: number) {
  const executed: string[] = [];
  const reached = Promise.withResolvers<void>();
  const item = worker("item", {
    async run({ task }) {
      executed.push(task);
      if (executed.length === count) reached.resolve();
      await pause(5);
    },
  });
  const items = worker("items", {
    run: () => plan((p) => void Array.from({ length: TASKS }, (_, i) => p.task(item, {}, { key: `i${i}` }))),
  });
  return { workers: [item, items], executed, reached: reached.promise };
}

async function expectAllCounted(app: Tutti, run: string): Promise<void> {
  expect((await app.get(run)).totals).toMatchObject({
    tasks: TASKS + 1,
    succeeded: TASKS + 1,
    failed: 0,
    cancelled: 0,
  });
}

describeOnNats("a run", (runtime) => {
  test("goes on after the server was away for longer than the leases, killed in the middle", async () => {
    const wide = wideWorkers(100);
    await runtime.start({ id: "first", timing });
    await runtime.start({ id: "second", timing });
    const app = await runtime.start({ orchestrator: false, workers: wide.workers, concurrency: 8, timing });
    const ended = app.run("items", {}, { run: "r" });
    await wide.reached;
    await runtime.server.kill9();
    await pause(2 * LEASE_MS);
    await runtime.server.restart();
    await ended;
    await expectAllCounted(app, "r");
    // What 8 slots had in hand, and what the server had forgotten.
    expect(wide.executed.length).toBeLessThanOrEqual(TASKS + 100);
    await app.run("items", {}, { run: "another" });
  });

  test(
    `goes on after ${OUTAGE_MS} ms without a connection, in which nobody could renew a lease`,
    async () => {
      const wide = wideWorkers(100);
      const proxy = await startProxy(runtime.server.url);
      onTestFinished(() => proxy.close());
      const bus = proxy.url;
      await runtime.start({ id: "first", bus, timing });
      await runtime.start({ id: "second", bus, timing });
      const app = await runtime.start({ bus, orchestrator: false, workers: wide.workers, concurrency: 8, timing });
      const ended = app.run("items", {}, { run: "r" });
      await wide.reached;
      proxy.block();
      await pause(OUTAGE_MS);
      proxy.unblock();
      const since = performance.now();
      await ended;
      console.log(`ended ${(performance.now() - since).toFixed(0)} ms after the connection was back`);
      await expectAllCounted(app, "r");
      expect(new Set(wide.executed).size).toBe(TASKS);
      await eventually(
        "both to share again",
        async () => {
          const told = await app.orchestrators();
          return told.length === 2 && told.every((one) => one.shards.length === 2);
        },
        60_000,
      );
      expect(runtime.logged.filter((line) => line.startsWith("error"))).toEqual([]);
    },
    OUTAGE_MS + 60_000,
  );
});

describeOnNats("a caller", (runtime) => {
  test("whose connection was cut while its run ended is told so as soon as it is back", async () => {
    const ran = Promise.withResolvers<void>();
    const began = Promise.withResolvers<void>();
    const held = worker("held", {
      run: async () => {
        began.resolve();
        await ran.promise;
        return "done";
      },
    });
    await runtime.start({ timing, workers: [held] });
    const proxy = await startProxy(runtime.server.url);
    onTestFinished(() => proxy.close());
    const app = await runtime.start({ bus: proxy.url, orchestrator: false });
    const direct = await runtime.start({ orchestrator: false });
    const answer = app.run("held", {}, { run: "r" });
    await began.promise;
    proxy.block();
    ran.resolve();
    await direct.result("r");
    proxy.unblock();
    expect(await answer).toBe("done");
  });
});

/** Three servers that know each other. */
async function startCluster(): Promise<NatsServer[]> {
  const ports = [await freePort(), await freePort(), await freePort()];
  const routes = ports.map((port) => `nats://127.0.0.1:${port}`).join(", ");
  return Promise.all(
    ports.map((port, i) =>
      startNatsServer({
        config: `server_name: s${i}\ncluster { name: tutti, listen: "127.0.0.1:${port}", routes: [${routes}] }\n`,
      }),
    ),
  );
}

/** Which of the servers leads a stream. */
async function leaderOf(url: string, stream: string): Promise<number> {
  const nc = await connect({ servers: url });
  try {
    const info = (await nc.request(`$JS.API.STREAM.INFO.${stream}`)).json<{ cluster?: { leader?: string } }>();
    return Number(info.cluster?.leader?.slice(1));
  } finally {
    await nc.close();
  }
}

/** Everything on three servers: two orchestrators, and an app that executes a wide plan. */
async function startOnCluster() {
  const servers = await startCluster();
  onTestFinished(async () => void (await Promise.all(servers.map((server) => server.stop()))));
  const bus = servers.map((server) => server.url).join(",");
  const wide = wideWorkers(100);
  const started: Tutti[] = [];
  onTestFinished(async () => {
    for (const app of started.reverse()) await app.stop({ graceMs: 0 });
  });
  const start = async (options: Parameters<typeof tutti>[0]) => {
    // Until the cluster has agreed on who leads it, nothing can be made there.
    const app = await eventually(
      "the cluster",
      () => tutti({ bus, shards: 4, timing, env: { TUTTI_REPLICAS: "3" }, ...options }).catch(() => undefined),
      20_000,
    );
    started.push(app);
    return app;
  };
  await start({ id: "first" });
  await start({ id: "second" });
  const app = await start({ orchestrator: false, workers: wide.workers, concurrency: 8 });
  return { servers, bus, wide, app };
}

describe("a cluster of three servers with three copies of everything", ON_REAL_SERVERS, () => {
  test.each(["the leader of TUTTI_LOG", "the leader of TUTTI_TASKS", "a server that leads neither"])(
    "loses %s in the middle of a run, which goes on",
    async (which) => {
      const { servers, bus, wide, app } = await startOnCluster();
      const ended = app.run("items", {}, { run: "r" });
      await wide.reached;
      const leaders = [await leaderOf(bus, "TUTTI_LOG"), await leaderOf(bus, "TUTTI_TASKS")];
      const victim = which.endsWith("LOG")
        ? leaders[0]!
        : which.endsWith("TASKS")
          ? leaders[1]!
          : [0, 1, 2].find((server) => !leaders.includes(server))!;
      await servers[victim]!.kill9();
      const since = performance.now();
      await ended;
      console.log(`ended ${(performance.now() - since).toFixed(0)} ms after ${which} was killed`);
      await expectAllCounted(app, "r");
      await servers[victim]!.restart();
      await app.run("items", {}, { run: "another" });
      await expectAllCounted(app, "another");
    },
    90_000,
  );

  test("has one server after another restarted, as in an upgrade, while runs go on", async () => {
    const { servers, bus, app } = await startOnCluster();
    let isOver = false;
    const runs: string[] = [];
    const working = (async () => {
      while (!isOver) {
        const run = `r${runs.push("") - 1}`;
        await app.run("items", {}, { run });
        runs[runs.length - 1] = run;
      }
    })();
    for (const server of servers) {
      await server.restart();
      for (const stream of ["TUTTI_LOG", "TUTTI_TASKS"])
        await eventually(`all copies of ${stream}`, () => isWhole(bus, stream).catch(() => false), 30_000);
    }
    isOver = true;
    await working;
    runs.push("afterwards");
    await app.run("items", {}, { run: "afterwards" });
    for (const run of runs) await expectAllCounted(app, run);
  });
});

/** Whether a stream has a leader, and two others that have all of it. */
async function isWhole(url: string, stream: string): Promise<boolean> {
  const nc = await connect({ servers: url });
  try {
    const info = (await nc.request(`$JS.API.STREAM.INFO.${stream}`)).json<{
      cluster?: { leader?: string; replicas?: { current: boolean; offline?: boolean }[] };
    }>();
    const { leader, replicas = [] } = info.cluster ?? {};
    return Boolean(leader) && replicas.length === 2 && replicas.every((one) => one.current && !one.offline);
  } finally {
    await nc.close();
  }
}
