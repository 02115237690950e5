import { expect, it } from "vitest";
import { explanation } from "../../../src/core/explanation.ts";
import { decodeJson, encodeJson, type Json } from "../../../src/core/json.ts";
import { runDifference } from "../../../src/core/run-difference.ts";
import { runMoment, runStep } from "../../../src/core/run-step.ts";
import { plan } from "../../../src/define/plan.ts";
import { worker } from "../../../src/define/worker.ts";
import { createVirtualRuntime } from "../../support/virtual-runtime.ts";

const echo = worker("echo", { run: ({ input }) => input });
const fan = worker("fan", {
  run: ({ input }) =>
    plan((p) => {
      for (let i = 0; i < (input as { n: number }).n; i++) p.task("echo", { i }, { key: `part-${i}` });
    }),
});

it("a run is looked at as it stood, explained and compared: the same by the app and over the bus", async () => {
  await using runtime = createVirtualRuntime();
  const app = await runtime.start({ workers: [echo, fan] });
  await runtime.passing(app.run("fan", { n: 2 }, { run: "two" }));
  await runtime.passing(app.run("fan", { n: 3 }, { run: "three" }));
  const ask = async (verb: string, body: Json) => {
    const asked = runtime.bus.request(`tutti.api.runs.${verb}`, encodeJson(body), { timeoutMs: 5000 });
    return decodeJson((await runtime.passing(asked)).data);
  };

  const steps = await runtime.passing(app.steps("two"));
  expect(runStep.array().parse(await ask("steps", { run: "two" }))).toEqual(steps);
  const planned = steps.find(({ tasks }) => tasks.some(({ on }) => on === "planned"))!;

  const moment = await runtime.passing(app.replay("two", { at: planned.sequence }));
  expect(moment.view.tasks.map(({ task, state }) => `${task} ${state}`)).toEqual([
    "- expanded",
    "part-0 ready",
    "part-1 ready",
  ]);
  expect(moment.step).toEqual(planned);
  expect(runMoment.parse(await ask("replay", { run: "two", at: planned.sequence }))).toEqual(moment);
  const ended = await runtime.passing(app.replay("two"));
  expect(ended.view).toEqual(await runtime.passing(app.get("two")));

  expect(explanation.parse(await ask("explain", { run: "two" }))).toEqual(await runtime.passing(app.explain("two")));
  const difference = await runtime.passing(app.diff("two", "three"));
  expect(difference.different.map(({ task, differs }) => [task, ...differs])).toEqual([["part-2", "presence"]]);
  expect(runDifference.parse(await ask("diff", { run: "two", other: "three" }))).toEqual(difference);
});

it("a moment before the run's beginning, and one that is none, are refused", async () => {
  await using runtime = createVirtualRuntime();
  const app = await runtime.start({ workers: [echo] });
  await runtime.passing(app.run("echo", {}, { run: "r" }));
  await expect(runtime.passing(app.replay("r", { until: 0 }))).rejects.toMatchObject({
    code: 400,
    details: { run: "r" },
  });
  await expect(runtime.passing(app.replay("r", { until: "soon" }))).rejects.toMatchObject({ code: 400 });
  await expect(runtime.passing(app.replay("r", { at: 1.5 }))).rejects.toMatchObject({ code: 400 });
  await expect(runtime.passing(app.explain("nobody"))).rejects.toMatchObject({ code: 404 });
});
