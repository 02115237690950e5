import { randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe } from "vitest";
import type { Tutti, TuttiOptions } from "../../src/app.ts";
import { createMemoryBroker } from "../../src/bus/memory/bus.ts";
import { connectNats } from "../../src/bus/nats/bus.ts";
import type { Bus } from "../../src/bus/port.ts";
import { type TuttiParts, tutti } from "../../src/tutti.ts";
import { type NatsServer, startNatsServer } from "./nats-server.ts";

/** Starts apps that are stopped after the test. Those of one test that share a prefix share a log. */
export interface Runtime {
  /** An app that does everything in this process, unless `options` say otherwise. */
  start(options?: TuttiOptions): Promise<Tutti>;
  /** Warnings and errors that the apps of the test have logged. */
  readonly logged: readonly string[];
}

export interface NatsRuntime extends Runtime {
  readonly server: NatsServer;
  /** Of this test alone. */
  readonly prefix: string;
}

const uniquePrefix = (): string => `t${randomBytes(5).toString("hex")}`;

function startWith(options: () => TuttiOptions, parts: () => TuttiParts = () => ({})) {
  const apps: Tutti[] = [];
  const logged: string[] = [];
  return {
    logged,
    async start(own: TuttiOptions = {}): Promise<Tutti> {
      const onLog = (level: string, message: string) => {
        if (level === "warn" || level === "error") logged.push(`${level} ${message}`);
      };
      const app = await tutti({ env: {}, onLog, ...options(), ...own }, parts());
      apps.push(app);
      return app;
    },
    async stop(): Promise<void> {
      logged.length = 0;
      // Clients and workers before the orchestrators that were started first.
      for (const app of apps.splice(0).reverse()) await app.stop({ graceMs: 0 });
    },
  };
}

/** Real servers and processes on a busy machine may miss a deadline: in CI a second miss is a failure, elsewhere the first. */
export const ON_REAL_SERVERS = { retry: process.env.CI ? 1 : 0 };

/** A suite on a real server: one for the file, a prefix of its own for each test. */
export function describeOnNats(title: string, body: (runtime: NatsRuntime) => void): void {
  describe(title, ON_REAL_SERVERS, () => {
    let server: NatsServer;
    let prefix = uniquePrefix();
    const apps = startWith(() => ({ bus: server.url, prefix, shards: 4 }));
    beforeAll(async () => {
      server = await startNatsServer();
    });
    afterEach(async () => {
      await apps.stop();
      prefix = uniquePrefix();
    });
    afterAll(() => server?.stop());
    body({
      start: apps.start,
      logged: apps.logged,
      get server() {
        return server;
      },
      get prefix() {
        return prefix;
      },
    });
  });
}

export interface SharedRuntime extends Runtime {
  /** A connection to the bus of the apps. */
  readonly bus: Bus;
  readonly prefix: string;
}

/** One suite, run in memory and on NATS; the apps of one test share a bus. */
export function describeShared(title: string, body: (runtime: SharedRuntime) => void): void {
  describe(`${title}, in memory`, () => {
    let broker = createMemoryBroker();
    let bus: Bus | undefined;
    const apps = startWith(
      () => ({ shards: 4 }),
      () => ({ bus: broker.connect() }),
    );
    afterEach(async () => {
      await apps.stop();
      await bus?.close();
      bus = undefined;
      broker = createMemoryBroker();
    });
    body({
      start: apps.start,
      logged: apps.logged,
      prefix: "tutti",
      get bus() {
        bus ??= broker.connect();
        return bus;
      },
    });
  });
  describeOnNats(`${title}, on NATS`, (runtime) => {
    let bus: Bus;
    beforeEach(async () => {
      bus = await connectNats({ servers: runtime.server.url });
    });
    afterEach(() => bus.close());
    body({
      start: runtime.start,
      logged: runtime.logged,
      get prefix() {
        return runtime.prefix;
      },
      get bus() {
        return bus;
      },
    });
  });
}

/** One suite, run embedded and on NATS. */
export function describeRuntime(title: string, body: (runtime: Runtime) => void): void {
  describe(`${title}, embedded`, () => {
    const apps = startWith(() => ({}));
    afterEach(() => apps.stop());
    body(apps);
  });
  describeOnNats(`${title}, on NATS`, body);
}
