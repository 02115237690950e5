import { expect, test } from "vitest";
import { plan } from "../../../src/define/plan.ts";
import { worker } from "../../../src/define/worker.ts";
import { describeRuntime } from "../../support/runtime.ts";

/** Handlers that wait until `expected` of them run at once, and count how many have. */
function gathering(expected: number) {
  const all = Promise.withResolvers<void>();
  let running = 0;
  const counts = { most: 0 };
  const run = async () => {
    counts.most = Math.max(counts.most, ++running);
    if (running >= expected) all.resolve();
    await all.promise;
    await new Promise(setImmediate);
    running--;
  };
  return { run, counts };
}

const fanOut = (type: string, count: number) =>
  worker("fan-out", {
    run: () => plan((p) => void Array.from({ length: count }, (_, i) => p.task(type, {}, { key: `k${i}` }))),
  });

describeRuntime("the concurrency of a type", (runtime) => {
  test("holds above the default of the process", async () => {
    const { run, counts } = gathering(40);
    const app = await runtime.start({ workers: [worker("wide", { concurrency: 40, run }), fanOut("wide", 60)] });
    await app.run("fan-out", {});
    expect(counts.most).toBe(40);
  });

  test("is not reached where the process states a lower limit", async () => {
    const { run, counts } = gathering(3);
    const workers = [worker("wide", { concurrency: 40, run }), fanOut("wide", 12)];
    const app = await runtime.start({ workers, concurrency: 3 });
    await app.run("fan-out", {});
    expect(counts.most).toBe(3);
  });

  test("leaves the default to the types that state none", async () => {
    const { run, counts } = gathering(16);
    const app = await runtime.start({
      workers: [worker("wide", { concurrency: 40, run: () => null }), worker("plain", { run }), fanOut("plain", 40)],
    });
    await app.run("fan-out", {});
    expect(counts.most).toBe(16);
    expect(await app.workers()).toMatchObject([{ concurrency: 40 + 16 }]);
  });
});
