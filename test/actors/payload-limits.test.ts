import { afterEach, describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { createMemoryBroker } from "../../src/bus/memory/bus.ts";
import { connectNats } from "../../src/bus/nats/bus.ts";
import type { Bus } from "../../src/bus/port.ts";
import { plan, TerminalError, type Tutti, worker } from "../../src/index.ts";
import { tutti } from "../../src/tutti.ts";
import { eventually } from "../contract/wait.ts";
import { startNatsServer } from "../support/nats-server.ts";
import { ON_REAL_SERVERS } from "../support/runtime.ts";

const text = (length: number) => "y".repeat(length);
const timing = { ackWaitMs: 3000, presenceTtlMs: 2000 };

const input = z.object({ n: z.number() });
const big = worker("big", { input, run: ({ input }) => text(input.n) });
const count = worker("count", { input: z.object({ t: z.string() }), run: ({ input }) => input.t.length });
/** Several outputs in one commit, and one input that needs them all. */
const several = worker("several", {
  input,
  run: ({ input }) =>
    plan((p) => {
      const parts = [0, 1, 2].map((i) => p.task(big, { n: input.n }, { key: `part-${i}` }));
      return p.task(joined, { parts: parts.map((part) => part.output) });
    }),
});
const joined = worker("joined", {
  input: z.object({ parts: z.array(z.any()) }),
  run: ({ input }) => input.parts.map((part: string) => part.length),
});
const wordy = worker("wordy", {
  input,
  run: ({ input }) => {
    throw new TerminalError("\u0001".repeat(input.n));
  },
});
const wide = worker("wide", {
  input,
  run: ({ input }) =>
    plan((p) => void Array.from({ length: input.n }, (_, i) => p.task(big, { n: 1 }, { key: `k${i}` }))),
});
const live = worker("live", {
  input,
  run: ({ input, progress, log }) => {
    progress(text(input.n));
    for (let i = 0; i < 100; i++) log(text(500));
    return "done";
  },
});
const workers = [big, count, several, joined, wordy, wide, live];

/** How the buses are made; `limit` changes what they take from then on. */
interface Limited {
  connect(): Promise<Bus>;
  limit(bytes: number): Promise<void>;
}

async function onNats(maxPayload: number): Promise<Limited> {
  const config = (bytes: number) => `max_payload: ${bytes}\n`;
  const server = await startNatsServer({ config: config(maxPayload) });
  onTestFinished(() => server.stop());
  return {
    connect: () => connectNats({ servers: server.url }),
    limit: (bytes) => server.restart({ config: config(bytes) }),
  };
}

async function inMemory(maxPayload: number): Promise<Limited> {
  const broker = createMemoryBroker({ maxPayload });
  return { connect: async () => broker.connect(), limit: async (bytes) => broker.limitPayload(bytes) };
}

const apps: Tutti[] = [];
afterEach(async () => {
  for (const app of apps.splice(0)) await app.stop({ graceMs: 0 });
});

async function start(limited: Limited, logged: string[] = []): Promise<Tutti> {
  const onLog = (level: string, message: string) => void (level === "error" && logged.push(message));
  const app = await tutti({ env: {}, shards: 2, timing, workers, onLog }, { bus: await limited.connect() });
  apps.push(app);
  return app;
}

describe.each([
  ["a server", onNats],
  ["the memory bus", inMemory],
])("on %s", ON_REAL_SERVERS, (_, make) => {
  test.each([4096, 65_536, 1_048_576])(
    "that takes %i bytes, whatever is larger travels apart, and every run ends",
    async (most) => {
      const logged: string[] = [];
      const app = await start(await make(most), logged);
      const options = { deadline: "30s" } as const;
      for (const n of [0.4, 0.9, 0.99, 1, 1.01, 1.6, 5].map((share) => Math.round(share * most)))
        expect(await app.run(big, { n }, options)).toHaveLength(n);
      for (const n of [0.3, 0.6, 0.9].map((share) => Math.round(share * most) - 700))
        expect(await app.run(count, { t: text(n) }, options)).toBe(n);
      const n = Math.round(0.6 * most);
      expect(await app.run(several, { n }, options)).toEqual([n, n, n]);
      await app.run(wide, { n: Math.min(500, Math.round(most / 30)) }, options);
      expect(await app.run(live, { n: 2 * most }, options)).toBe("done");
      expect(logged).toEqual([]);
    },
    60_000,
  );

  test.each([4096, 65_536])(
    "that takes %i bytes, a request that is too large is refused with its size",
    async (most) => {
      const app = await start(await make(most));
      const refused = app.run(count, { t: text(most) });
      await expect(refused).rejects.toMatchObject({ code: 400 });
      await expect(refused).rejects.toThrow(new RegExp(`${most + 8} bytes.*${most}`));
    },
  );

  test.each([4096, 65_536])(
    "that takes %i bytes, a failure with many words ends its run, with a dead letter",
    async (most) => {
      const app = await start(await make(most));
      const failed = app.run(wordy, { n: 8000 });
      await expect(failed).rejects.toMatchObject({ code: 422 });
      expect(await app.dead.list()).toHaveLength(1);
    },
  );

  test("that is started again with 64 KiB in place of 1 MiB, work in progress ends right", async () => {
    const limited = await make(1_048_576);
    const begun = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const held = worker("held", {
      input,
      run: async ({ input }) => {
        begun.resolve();
        await release.promise;
        return text(input.n);
      },
    });
    const heldPlan = worker("held-plan", {
      input,
      run: ({ input }) =>
        plan((p) => {
          const first = p.task(held, { n: input.n }, { key: "first" });
          const second = p.task(big, { n: input.n }, { key: "second" });
          return p.task(joined, { parts: [first.output, second.output] });
        }),
    });
    const app = await tutti(
      { env: {}, shards: 2, timing, workers: [...workers, held, heldPlan] },
      { bus: await limited.connect() },
    );
    apps.push(app);
    const run = await app.submit(heldPlan, { n: 200_000 });
    const lone = await app.submit(held, { n: 200_000 });
    await begun.promise;
    await eventually("the output that is inline", async () => (await app.get(run)).totals.succeeded >= 1);
    await limited.limit(65_536);
    release.resolve();
    expect(await app.result(run)).toEqual([200_000, 200_000]);
    expect(await app.result(lone)).toHaveLength(200_000);
    expect(await app.run(big, { n: 100_000 })).toHaveLength(100_000);
  }, 60_000);
});

test("a server that takes less than Tutti's own messages is refused at the start", async () => {
  await expect(start(await inMemory(2048))).rejects.toMatchObject({
    code: 400,
    message: expect.stringMatching(/2048 bytes.*expected 4096/),
  });
});
