import { expect, test } from "vitest";
import { eachMessage } from "../../src/actors/log/run-reader.ts";
import { createTopology } from "../../src/bus/topology.ts";
import { worker } from "../../src/index.ts";
import { describeShared } from "../support/runtime.ts";

/** Goes on until it is aborted. */
const block = worker("block", {
  run: ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
});

describeShared("when the bus is closed", (runtime) => {
  test("what reads a stream is told so, in the midst of it", async () => {
    const { bus, prefix } = runtime;
    await bus.ensureStream({ name: prefix, subjects: [`${prefix}.x.>`], retention: "limits" });
    const data = new Uint8Array(100);
    await Promise.all(Array.from({ length: 20_000 }, (_, i) => bus.append(`${prefix}.x.${i}`, data)));
    let read = 0;
    const take = () => {
      if (read++ === 0) void bus.close();
    };
    const host = { bus, topology: createTopology({ prefix }) };
    const reading = eachMessage(host, `${prefix}.x.>`, take, { stream: prefix });
    await expect(reading).rejects.toMatchObject({ code: "closed" });
    expect(read).toBeLessThan(20_000);
  });

  test("what watches a run is told so, and the run goes on", async () => {
    const crew = await runtime.start({ workers: [block] });
    const app = await runtime.start({ orchestrator: false });
    await app.submit("block", {}, { run: "r" });
    const events = app.watch("r")[Symbol.asyncIterator]();
    expect((await events.next()).value).toMatchObject({ kind: "run", run: { status: "running" } });
    const rest = (async () => {
      while (!(await events.next()).done);
    })();
    const stopped = app.stop();
    await expect(rest).rejects.toMatchObject({ code: 503, message: expect.stringContaining("had not ended") });
    await stopped;
    expect(await crew.get("r")).toMatchObject({ status: "running" });
  });

  test("who waits at an orchestrator for a run that was asked for again is told when that stops", async () => {
    const { bus, prefix } = runtime;
    const app = await runtime.start({ workers: [block] });
    await app.submit("block", {}, { run: "r" });
    const headers = { "Tutti-Run": "r" };
    const asked = bus.request(`${prefix}.run.block`, new TextEncoder().encode("{}"), { timeoutMs: 10_000, headers });
    // It is asked after it: by its answer the first has been taken.
    await app.submit("block", {}, { run: "r" });
    await app.stop({ graceMs: 0 });
    const answer = await asked;
    expect(JSON.parse(new TextDecoder().decode(answer.data))).toMatchObject({
      error: { code: 503, message: expect.stringContaining("is stopping") },
    });
  });
});
