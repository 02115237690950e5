import { readFileSync } from "node:fs";
import { connect, headers as createHeaders } from "@nats-io/transport-node";
import { expect, onTestFinished, test } from "vitest";
import { connectNats } from "../../src/bus/nats/bus.ts";
import { createTopology } from "../../src/bus/topology.ts";
import { eventually } from "../contract/wait.ts";
import { describeOnNats } from "../support/runtime.ts";
import { startRuntimeProcess } from "../support/runtime-process.ts";

/** Stored requests, and half as many submits. TUTTI_TEST_FLOOD=50000 for the long form. */
const REQUESTS = Number(process.env.TUTTI_TEST_FLOOD ?? 8000);
const SUBMITS = Math.round(0.4 * REQUESTS);
const BYTES = 16_000;
const RUNS = 500;
/** Of these, stored requests may use four fifths. */
const PATIENT_RUNS = 400;
const MAY_GROW_BY = 300 * 2 ** 20;
/** Too small a heap for all inputs at once: an orchestrator that kept them would die of it. */
const HEAP = "--max-old-space-size=100";

/** Resident memory of a process, in bytes. */
const residentBytes = (pid: number): number =>
  1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]);

describeOnNats("a flood of requests", (runtime) => {
  test(
    `of which ${REQUESTS} are stored and ${SUBMITS} wait for an answer does not grow the orchestrator, and what it takes ends`,
    async () => {
      const { prefix } = runtime;
      const common = { bus: runtime.server.url, prefix, shards: 4 };
      const { subjects, streams } = createTopology({ prefix });
      const startWorker = () =>
        startRuntimeProcess({ ...common, orchestrator: false, workers: ["sink"], concurrency: 50 });
      // Its type is known from then on; what is asked of it piles up.
      await (await startWorker()).stop();
      const bus = await connectNats({ servers: runtime.server.url });
      onTestFinished(() => bus.close());
      const input = new TextEncoder().encode(JSON.stringify("x".repeat(BYTES)));
      // Nobody is there yet: they wait in their stream.
      for (let i = 0; i < REQUESTS; i += 1000)
        await Promise.all(Array.from({ length: 1000 }, () => bus.append(subjects.requests("sink"), input)));
      const orchestrator = await startRuntimeProcess({ ...common, limits: { runs: RUNS } }, { NODE_OPTIONS: HEAP });
      onTestFinished(() => orchestrator.kill9());
      const submitted = new Set<string>();
      const ended = new Set<string>();
      await bus.follow(streams.log.name, subjects.logOfKind("*", "ended"), ({ subject }) => {
        ended.add(subject.split(".")[4]!);
      });
      const before = residentBytes(orchestrator.pid);
      let most = before;
      const sampling = setInterval(() => (most = Math.max(most, residentBytes(orchestrator.pid))), 50);
      onTestFinished(() => clearInterval(sampling));

      const nc = await connect({ servers: runtime.server.url });
      onTestFinished(() => nc.close());
      const refusals = new Map<string, number>();
      const submit = async (i: number) => {
        const headers = createHeaders();
        headers.set("Tutti-Run", `s${i}`);
        const answer = await nc.request(subjects.submit("sink"), input, { headers, timeout: 60_000 });
        const code = answer.headers?.get("Nats-Service-Error-Code");
        if (!code) return submitted.add(`s${i}`);
        refusals.set(code, (refusals.get(code) ?? 0) + 1);
      };
      await eventually(
        "no room for stored requests",
        async () => (await bus.streamState(streams.tasks.name)).messages >= PATIENT_RUNS,
        20_000,
      );
      await Promise.all(Array.from({ length: SUBMITS }, (_, i) => submit(i)));
      expect((await bus.streamState(streams.requests.name)).messages).toBe(REQUESTS - PATIENT_RUNS);
      expect(submitted.size).toBe(RUNS - PATIENT_RUNS);
      const worker = await startWorker();
      onTestFinished(() => worker.kill9());
      await eventually(
        () => `${REQUESTS + submitted.size} ends (there are ${ended.size})`,
        () => ended.size >= REQUESTS + submitted.size,
        REQUESTS * 10 + 30_000,
      );
      clearInterval(sampling);
      const mib = (bytes: number) => Math.round(bytes / 2 ** 20);
      console.log(
        `${submitted.size} of ${SUBMITS} submits taken, refused: ${JSON.stringify([...refusals])}; ` +
          `resident: ${mib(before)} MiB before, ${mib(most)} MiB at most; inputs: ${mib((REQUESTS + submitted.size) * BYTES)} MiB`,
      );
      for (const run of submitted) expect(ended).toContain(run);
      expect(ended.size).toBe(REQUESTS + submitted.size);
      expect([...refusals.keys()]).toEqual(["503"]);
      expect(most - before).toBeLessThan(MAY_GROW_BY);
      expect((await bus.streamState(streams.requests.name)).messages).toBe(0);
    },
    REQUESTS * 12 + 60_000,
  );
});
