import { expect, test } from "vitest";
import type { Ended } from "../../../src/core/event.ts";
import { shardOf } from "../../../src/core/hash.ts";
import { encodeJson } from "../../../src/core/json.ts";
import { worker } from "../../../src/index.ts";
import { describeShared } from "../../support/runtime.ts";

const ended: Ended = {
  v: 1,
  totals: { tasks: 1, succeeded: 1, failed: 0, cancelled: 0, executions: 1 },
  status: "succeeded",
  output: "of the one that stood still",
};

describeShared("who waits for the end of a run", (runtime) => {
  test("is told none that the log has refused, though every subscriber hears it", async () => {
    const opened = Promise.withResolvers<void>();
    const step = worker("step", {
      run: async () => {
        await opened.promise;
        return "the output";
      },
    });
    const app = await runtime.start({ workers: [step] });
    await app.submit("step", {}, { run: "r" });
    const result = app.result("r");
    const { bus, prefix } = runtime;
    const subject = `${prefix}.log.default.${shardOf("r", 4)}.r.ended`;
    const heard = Promise.withResolvers<void>();
    const subscription = await bus.subscribe(subject, () => heard.resolve());
    await expect(bus.append(subject, encodeJson(ended), { expectLastSubjectSequence: 1_000_000 })).rejects.toThrow();
    await heard.promise;
    await subscription.stop();
    opened.resolve();
    expect(await result).toBe("the output");
  });
});
