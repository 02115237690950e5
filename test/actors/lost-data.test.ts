import { connect } from "@nats-io/transport-node";
import { describe, expect, onTestFinished, test } from "vitest";
import { connectNats } from "../../src/bus/nats/bus.ts";
import { TerminalError, type Tutti, tutti, worker } from "../../src/index.ts";
import { bytes } from "../contract/bytes.ts";
import { eventually } from "../contract/wait.ts";
import { type NatsServer, startNatsServer } from "../support/nats-server.ts";
import { ON_REAL_SERVERS } from "../support/runtime.ts";

const timing = { ackWaitMs: 3000, presenceTtlMs: 2000 };

interface Cast {
  readonly server: NatsServer;
  readonly client: Tutti;
  /** Errors that each process has logged. */
  readonly errors: Readonly<Record<"orchestrator" | "worker" | "client", string[]>>;
  /** Lets the handlers of `held` return. */
  release(): void;
  /** Resolves when a handler of `held` has begun. */
  readonly begun: Promise<void>;
}

/** An orchestrator, a worker and a client as three processes have them, on a server of their own. */
async function startCast(): Promise<Cast> {
  const server = await startNatsServer();
  onTestFinished(() => server.stop());
  const errors = { orchestrator: [] as string[], worker: [] as string[], client: [] as string[] };
  const started: Tutti[] = [];
  onTestFinished(async () => {
    for (const app of started.reverse()) await app.stop({ graceMs: 0 });
  });
  const released = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const held = worker("held", {
    run: async () => {
      begun.resolve();
      await released.promise;
      return "held";
    },
  });
  const failing = worker("failing", {
    run: () => {
      throw new TerminalError("on purpose");
    },
  });
  const echo = worker("echo", { run: ({ input }) => input as string });
  const start = async (name: keyof typeof errors, options: Parameters<typeof tutti>[0]) => {
    const onLog = (level: string, message: string) => void (level === "error" && errors[name].push(message));
    const app = await tutti({ bus: server.url, env: {}, shards: 4, timing, id: name, onLog, ...options });
    started.push(app);
    return app;
  };
  await start("orchestrator", {});
  await start("worker", { orchestrator: false, workers: [echo, held, failing] });
  const client = await start("client", { orchestrator: false });
  // Both queues are in use.
  expect(await client.run("echo", "before")).toBe("before");
  expect(await client.run("echo", "before", { priority: "high" })).toBe("before");
  return { server, client, errors, begun: begun.promise, release: released.resolve };
}

/** Runs are answered once more, of each priority and from the stored requests; everybody is seen again. */
async function expectRecovered({ client, server }: Cast): Promise<void> {
  const works = (priority: "normal" | "high") =>
    client.run("echo", priority, { priority }).then(
      (output) => output === priority,
      () => false,
    );
  await eventually("a run", () => works("normal"), 40_000);
  await eventually("a run of high priority", () => works("high"), 40_000);
  await eventually(
    "all to be seen",
    async () => {
      const [workers, orchestrators, types] = await Promise.all([
        client.workers(),
        client.orchestrators(),
        client.types(),
      ]);
      const shards = orchestrators.flatMap((one) => one.shards);
      return workers.length === 1 && shards.length === 4 && types.length === 3;
    },
    20_000,
  );
  const bus = await connectNats({ servers: server.url });
  // A request is refused, and not lost, until the stream that takes it has been made again.
  let sequence: number | undefined;
  const store = async () => {
    sequence = (await bus.append("tutti.requests.echo", bytes('"stored"')).catch(() => undefined))?.sequence;
    return sequence !== undefined;
  };
  await eventually("a request to be stored", store, 40_000);
  await bus.close();
  const run = `q${String(sequence).padStart(12, "0")}`;
  await eventually(
    "a stored request",
    () =>
      client.result(run).then(
        (output) => output === "stored",
        () => false,
      ),
    30_000,
  );
}

async function operate(url: string, subject: string): Promise<void> {
  const nc = await connect({ servers: url });
  const answer = (await nc.request(`$JS.API.${subject}`)).json<{ success?: boolean }>();
  await nc.close();
  expect(answer).toMatchObject({ success: true });
}

describe("a server that is replaced by an empty one", ON_REAL_SERVERS, () => {
  test("is noticed by all: they say so once, whoever waits is answered, and new runs go on without a restart", async () => {
    const cast = await startCast();
    const { client, server, errors } = cast;
    const waiting = client.result(await client.submit("held", {})).catch((error) => error);
    await cast.begun;
    await client.list();
    await server.restart({ empty: true });
    expect(await waiting).toMatchObject({ name: "TuttiError", code: 404, message: expect.stringContaining("lost") });
    cast.release();
    await expectRecovered(cast);
    for (const of of [errors.orchestrator, errors.worker]) {
      expect(of.filter((line) => line.startsWith("DATA WAS LOST"))).toHaveLength(1);
      expect(of[0]).toMatch(/TUTTI_LOG/);
    }
  }, 90_000);
});

describe("what an operator deletes under running processes", ON_REAL_SERVERS, () => {
  test.each([
    "TUTTI_LOG",
    "TUTTI_TASKS",
    "TUTTI_REQUESTS",
    "TUTTI_DEAD",
    "KV_TUTTI_types",
    "KV_TUTTI_queues",
    "KV_TUTTI_workers",
    "KV_TUTTI_orchestrators",
    "KV_TUTTI_shards",
    "KV_TUTTI_config",
    "OBJ_TUTTI_blobs",
  ])(
    "%s is made again, and everything goes on",
    async (stream) => {
      const cast = await startCast();
      await operate(cast.server.url, `STREAM.DELETE.${stream}`);
      if (stream === "TUTTI_DEAD") await failOnce(cast.client);
      if (stream === "OBJ_TUTTI_blobs") await cast.client.run("echo", "x".repeat(400_000));
      await expectRecovered(cast);
      const lost = () =>
        [...cast.errors.orchestrator, ...cast.errors.worker].filter((line) => line.includes("DATA WAS LOST"));
      await eventually("the line", () => lost().length > 0, 40_000);
      const lines = lost();
      expect(lines.length).toBeLessThanOrEqual(2);
      for (const line of lines) expect(line).toContain(stream);
    },
    120_000,
  );

  test.each(["TUTTI_TASKS.echo_normal", "TUTTI_REQUESTS.gateway"])(
    "the consumer %s is made again",
    async (consumer) => {
      const cast = await startCast();
      await operate(cast.server.url, `CONSUMER.DELETE.${consumer}`);
      await expectRecovered(cast);
    },
    90_000,
  );
});

/** A run that fails leaves a dead letter, whose stream is gone. */
async function failOnce(client: Tutti): Promise<void> {
  await expect(client.run("failing", {})).rejects.toMatchObject({ code: 422 });
  expect(await client.dead.list()).toHaveLength(1);
}
