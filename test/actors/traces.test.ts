import { afterEach, beforeEach, expect, test } from "vitest";
import type { Tutti } from "../../src/app.ts";
import { parentOf } from "../../src/core/names.ts";
import {
  assertTree,
  type OtlpReceiver,
  outsideTheirParents,
  type ReceivedSpan,
  startOtlpReceiver,
} from "../support/otlp-receiver.ts";
import { describeOnNats } from "../support/runtime.ts";
import { startRuntimeProcess } from "../support/runtime-process.ts";

describeOnNats("the trace of a run over three processes", (runtime) => {
  let receiver: OtlpReceiver;
  beforeEach(async () => {
    receiver = await startOtlpReceiver();
  });
  afterEach(() => receiver.stop());

  const start = (options: object, exportsAfterMs = 100) =>
    startRuntimeProcess(
      { bus: runtime.server.url, prefix: runtime.prefix, shards: 4, timing: { ackWaitMs: 1500 }, ...options },
      {
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
        OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
        OTEL_BSP_SCHEDULE_DELAY: String(exportsAfterMs),
      },
    );
  const taskOf = (span: ReceivedSpan) => span.attributes["tutti.task"] as string | undefined;
  const isAttempt = (span: ReceivedSpan) => span.kind === "consumer";
  const isWait = (span: ReceivedSpan) => span.attributes["tutti.wait"] !== undefined;

  /**
   * Run ⊃ task ⊃ attempt, by ids and in time: the parent of every task is the task that expanded into it. Every attempt of
   * the log is there once, with its worker.
   */
  async function expectWhole(app: Tutti, spans: readonly ReceivedSpan[], run: string, tasks: number): Promise<void> {
    const tree = assertTree(spans);
    expect(tree.root.attributes["tutti.run"]).toBe(run);
    expect(outsideTheirParents(tree, spans)).toEqual([]);
    const attempts = spans.filter(isAttempt);
    const others = spans.filter((span) => !isAttempt(span) && !isWait(span) && span !== tree.root);
    const results = (await app.log(run)).flatMap(({ event, body }) =>
      event === "result" ? (body as { results: { task: string; attempt: number; worker: string }[] }).results : [],
    );
    const named = (task: unknown, attempt: unknown, worker: unknown) => `${task} ${attempt} ${worker}`;
    expect(
      attempts.map(({ attributes: a }) => named(a["tutti.task"], a["tutti.attempt"], a["tutti.worker"])).sort(),
    ).toEqual(results.map(({ task, attempt, worker }) => named(task, attempt, worker)).sort());
    expect(new Set(others.map(taskOf)).size).toBe(tasks);
    expect(others).toHaveLength(tasks);
    for (const span of others) {
      const task = taskOf(span)!;
      const parent = parentOf(task);
      if (parent === undefined) expect(tree.parent(span)).toBe(tree.root);
      else expect(taskOf(tree.parent(span)!)).toBe(parent);
      expect(tree.children(span).filter(isAttempt)).not.toHaveLength(0);
    }
    for (const span of attempts) expect(taskOf(tree.parent(span)!)).toBe(taskOf(span));
  }

  test("is one tree", async () => {
    const orchestrator = await start({});
    const first = await start({ orchestrator: false, workers: ["leaf", "twig"] });
    const second = await start({ orchestrator: false, workers: ["leaf", "tree"] });
    const app = await runtime.start({ orchestrator: false });
    await app.run("tree", { twigs: 4, leaves: 5 }, { run: "r" });
    for (const one of [first, second, orchestrator]) expect(await one.stop()).toBe(0);
    await expectWhole(app, receiver.spans(), "r", 1 + 4 + 20);
  });

  test("is written again, once, when the orchestrator is killed before it has exported it", async () => {
    const orchestrator = await start({}, 60_000);
    const worker = await start({ orchestrator: false, workers: ["leaf", "twig"] });
    const app = await runtime.start({ orchestrator: false });
    await app.run("twig", { leaves: 3 }, { run: "r" });
    await orchestrator.kill9();
    expect(receiver.spans()).toEqual([]);
    const second = await start({});
    await receiver.waitFor((spans) => spans.length > 0, 10_000);
    expect(await second.stop()).toBe(0);
    // It finds that the trace was exported.
    const third = await start({});
    for (const one of [third, worker]) expect(await one.stop()).toBe(0);
    await expectWhole(app, receiver.spans(), "r", 1 + 3);
  });

  test("is one tree still when the orchestrator is killed in between", async () => {
    const orchestrator = await start({});
    const planner = await start({ orchestrator: false, workers: ["tree", "twig"] });
    const app = await runtime.start({ orchestrator: false });
    // The leaves' type is registered by a process that leaves again, so they wait on the queue.
    expect(await (await start({ orchestrator: false, workers: ["leaf"] })).stop()).toBe(0);
    await app.submit("tree", { twigs: 3, leaves: 2 }, { run: "r" });
    for await (const event of app.watch("r")) if (event.kind === "task" && event.task.task === "twig-2/leaf-1") break;
    const { trace, isSnapshot } = await app.trace("r");
    const soFar = await receiver.waitFor((spans) => spans.some(({ traceId }) => traceId === trace), 10_000);
    expect(isSnapshot).toBe(true);
    const snapshot = soFar.filter(({ traceId }) => traceId === trace);
    expect(assertTree(snapshot).root).toMatchObject({
      name: "snapshot of invoke_workflow tree",
      attributes: { "tutti.status": "running" },
    });
    expect(snapshot.filter((span) => span.attributes["tutti.state"] === "ready")).toHaveLength(6);
    await orchestrator.kill9();
    const next = await start({});
    const leaves = await start({ orchestrator: false, workers: ["leaf"] });
    await app.result("r");
    for (const one of [planner, leaves, next]) expect(await one.stop()).toBe(0);
    await expectWhole(
      app,
      receiver.spans().filter(({ traceId }) => traceId !== trace),
      "r",
      1 + 3 + 6,
    );
  });
});
