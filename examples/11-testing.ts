/** A test of a flow that takes an hour, without waiting: time is virtual. It works in any test runner. */
import assert from "node:assert/strict";
import { plan, worker } from "../src/index.ts";
import { startTestTutti } from "../src/testing.ts";

/** Succeeds at the fourth attempt, with twenty minutes between attempts. */
const flaky = worker("flaky", {
  retry: { attempts: 4, backoff: "constant", delay: "20m" },
  run: ({ attempt }) => {
    if (attempt < 4) throw new Error("the other side is down for maintenance");
    return "done";
  },
});
const flow = worker("flow", { run: () => plan((p) => p.task(flaky, {})) });

const { app, clock } = await startTestTutti({ workers: [flow, flaky] });
const began = clock.now();
const output = await clock.runUntilSettled(app.run(flow, {}));
assert.equal(output, "done");
const minutes = (clock.now() - began) / 60_000;
assert.ok(minutes > 45 && minutes < 75, `took ${minutes} minutes`);
await clock.runUntilSettled(app.stop());
console.log("an hour has passed");
