import { expect, test } from "vitest";
import type { WatchEvent } from "../../../src/app.ts";
import type { Delivery } from "../../../src/bus/port.ts";
import { createTopology } from "../../../src/bus/topology.ts";
import { encodeJson } from "../../../src/core/json.ts";
import { worker } from "../../../src/define/worker.ts";
import { describeShared } from "../../support/runtime.ts";

describeShared("a task whose worker has not ended it", (runtime) => {
  test("is told of when another worker has it: to those who watch, and in its log", async () => {
    const topology = createTopology({ prefix: runtime.prefix });
    const app = await runtime.start({ workers: [worker("other", { run: () => 0 })] });
    await (await runtime.bus.bucket(topology.buckets.types)).put("slow", encodeJson({ v: 1, type: "slow" }));
    const { run } = await app.submit("slow", {});
    const consumer = topology.taskConsumer("slow", "normal");
    await runtime.bus.ensureConsumer(consumer);
    for (let times = 0; times < 2; times++) {
      const taken = Promise.withResolvers<Delivery>();
      const puller = await runtime.bus.pull(consumer.stream, consumer.name, taken.resolve);
      puller.demand(1);
      (await taken.promise).nak();
      await puller.stop();
    }
    const events: WatchEvent[] = [];
    const watching = (async () => {
      for await (const event of app.watch(run)) events.push(event);
    })();
    await expect.poll(() => events.length).toBeGreaterThan(0);
    await runtime.start({ workers: [worker("slow", { run: () => "done" })], orchestrator: false });
    await watching;
    expect(events.filter((event) => event.kind === "live" && event.live === "lost")).toMatchObject([
      { task: "-", attempt: 1, data: { times: 2 } },
    ]);
    expect(runtime.logged.join("\n")).toMatch(
      new RegExp(`task - of run ${run}, attempt 1, is delivered once more: workers that had it were lost.* 2 times`),
    );
    expect(await app.result(run)).toBe("done");
  });
});
