/** `docs/defaults.md` is held against the code, and `defaults` of `tutti()` against what a run does. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { BATCHES } from "../src/actors/attempt/batcher.ts";
import { DEFAULT_GRACE_MS } from "../src/actors/client/app.ts";
import { DEFAULT_QUEUED, DEFAULT_RUNS } from "../src/actors/orchestrator.ts";
import { DEFAULT_CONCURRENCY } from "../src/actors/worker/demand.ts";
import { DEFAULT_MAX_DELIVERIES } from "../src/actors/worker/worker-options.ts";
import { LARGEST_INLINE } from "../src/bus/sizes.ts";
import { DEFAULT_ACK_WAIT_MS, DEFAULT_LEASE_MS, DEFAULT_MAX_AGE_MS, DEFAULT_MESSAGES } from "../src/bus/topology.ts";
import { parseDuration } from "../src/core/duration.ts";
import { PLAN_LIMITS } from "../src/core/plan.ts";
import { DEFAULT_RETRY } from "../src/core/policy.ts";
import { parseSize } from "../src/core/size.ts";
import { DEFAULT_WAIT_MS } from "../src/define/batch.ts";
import { plan, task, type Worker, worker } from "../src/index.ts";
import { DEFAULT_TIMEOUT_MS } from "../src/llm/gateway.ts";
import { startTestTutti } from "../src/testing.ts";
import { DEFAULT_SHARDS } from "../src/tutti.ts";

const CODE: Readonly<Record<string, string | number>> = {
  "attempts in all": DEFAULT_RETRY.attempts,
  "how the delay between attempts grows": DEFAULT_RETRY.backoff,
  "delay before the second attempt": DEFAULT_RETRY.delay,
  "longest delay": DEFAULT_RETRY.maxDelay,
  "attempts at once of types that state none": DEFAULT_CONCURRENCY,
  "batches at once of a worker that takes many": BATCHES,
  "time that the first of a batch waits for others": DEFAULT_WAIT_MS,
  "deliveries before a task counts as poison": DEFAULT_MAX_DELIVERIES,
  "time of one call of a model": DEFAULT_TIMEOUT_MS,
  "runs in progress in one orchestrator": DEFAULT_RUNS,
  "tasks of a type and priority queued by one": DEFAULT_QUEUED,
  "messages of the log": DEFAULT_MESSAGES.log,
  "messages of the queue": DEFAULT_MESSAGES.tasks,
  "stored requests": DEFAULT_MESSAGES.requests,
  "dead letters": DEFAULT_MESSAGES.dead,
  "age of the log and its blobs": DEFAULT_MAX_AGE_MS,
  "time after which a silent worker's task is given on": DEFAULT_ACK_WAIT_MS,
  "lease of an orchestrator": DEFAULT_LEASE_MS,
  "shards of the log": DEFAULT_SHARDS,
  "time to finish work when a process stops": DEFAULT_GRACE_MS,
  "tasks of one plan": PLAN_LIMITS.tasks,
  "levels of a tree": PLAN_LIMITS.depth,
  "what is stored beside the messages, from": LARGEST_INLINE,
};

const page = readFileSync(new URL("../docs/defaults.md", import.meta.url), "utf8");
const rows = new Map(
  Array.from(page.matchAll(/^\| (.+?) +\| (.+?) +\|/gm), ([, what, value]) => [what!, value!.replaceAll("`", "")]),
);
const read = (text: string): string | number =>
  /^\d+$/.test(text) ? Number(text) : (parseDuration(text) ?? parseSize(text) ?? text);

describe("the page of defaults", () => {
  it.each(Object.entries(CODE))("says of %s what the code does", (what, value) => {
    expect(rows.get(what), `no row "${what}"`).toBeDefined();
    expect(read(rows.get(what)!)).toBe(value);
  });
});

describe("the defaults of an application", () => {
  const attempts: Record<string, number> = {};
  const failing = (type: string, options: object = {}): Worker =>
    worker(type, {
      ...options,
      run: ({ attempt }) => {
        attempts[type] = attempt;
        throw new Error("no");
      },
    });
  const contract = task("by-contract");
  const workers = [
    failing("root"),
    failing("stated", { retry: { attempts: 2 } }),
    failing("by-name"),
    failing("by-contract"),
    worker("parent-name", { run: () => plan((p) => void p.task("by-name", {})) }),
    worker("parent-contract", { run: () => plan((p) => void p.task(contract, {}, { key: "child" })) }),
    worker("stuck", { run: () => new Promise<null>(() => {}) }),
  ];
  const start = (defaults: object) => startTestTutti({ workers, defaults });

  it("hold for a run and for the tasks of a plan, where a type states nothing", async () => {
    const { app, clock } = await start({ retry: { attempts: 5, delay: 10 } });
    for (const type of ["root", "stated", "parent-name", "parent-contract"])
      await clock.runUntilSettled(app.run(type, {}).catch(() => {}));
    expect(attempts).toEqual({ root: 5, stated: 2, "by-name": 5, "by-contract": 5 });
    await clock.runUntilSettled(app.stop());
  });

  it("end attempts and runs that take too long", async () => {
    const { app, clock } = await start({ retry: { attempts: 1 }, timeout: "10s", deadline: "2m" });
    const late = clock.runUntilSettled(app.run("stuck", {}));
    await expect(late).rejects.toMatchObject({ code: 422, message: expect.stringContaining("timeout of 10000 ms") });
    await clock.runUntilSettled(app.stop());
    const other = await start({ deadline: "2m" });
    await expect(other.clock.runUntilSettled(other.app.run("stuck", {}))).rejects.toMatchObject({ code: 408 });
    const begun = other.clock.now();
    const longer = other.clock.runUntilSettled(other.app.run("stuck", {}, { deadline: "20m" }));
    await expect(longer).rejects.toMatchObject({ code: 408 });
    expect(other.clock.now() - begun).toBeGreaterThanOrEqual(1_200_000);
    await other.clock.runUntilSettled(other.app.stop());
  });

  it.each([
    [{ retry: { attempts: 0 } }, "tutti(): /defaults: /retry/attempts: "],
    [{ timeout: "soon" }, "tutti(): /defaults: /timeout: expected a duration"],
    [{ deadline: "soon" }, "tutti(): /defaults: /deadline: expected a duration"],
    [{ retyr: {} }, "tutti(): /defaults/retyr: expected no field of this name, received {}; did you mean retry?"],
  ])("that are none, %j, are refused at the start", async (defaults, message) => {
    await expect(start(defaults)).rejects.toThrow(message);
  });
});
