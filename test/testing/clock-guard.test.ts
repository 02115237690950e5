import { expect, test } from "vitest";
import { plan, worker } from "../../src/index.ts";
import { startTestTutti } from "../../src/testing.ts";

const greet = worker("greet", { run: () => "hello" });
const slow = worker("slow", {
  retry: { attempts: 3, delay: "50m", maxDelay: "50m" },
  run: ({ attempt }) => {
    if (attempt < 3) throw new Error("not yet");
    return attempt;
  },
});
const parent = worker("parent", { run: () => plan((p) => void p.task(slow, {}, { key: "part" })) });

test("what is awaited while the clock stands still is rejected at once, with what to do", async () => {
  const { app, clock } = await startTestTutti({ workers: [greet] });
  const advice = "await it by the clock, `await clock.runUntilSettled(app.run(…))`";
  await expect(app.run(greet, {})).rejects.toThrow(advice);
  await expect(app.list()).rejects.toThrow("app.list() is awaited while the test's clock stands still");
  await expect(app.dead.list()).rejects.toThrow("app.dead.list() is awaited");
  const follow = async () => {
    for await (const _ of app.watch("r")) expect.fail("nothing can have happened");
  };
  await expect(follow()).rejects.toThrow("app.watch(…) is awaited");
  await expect(app.stop()).rejects.toThrow("app.stop() is awaited");
  await clock.runUntilSettled(app.stop());
});

test("what is awaited by the clock, now or later, is left alone", async () => {
  const { app, clock } = await startTestTutti({ workers: [greet] });
  expect(await clock.runUntilSettled(app.run(greet, {}))).toBe("hello");
  const later = app.run(greet, {});
  const handle = await clock.runUntilSettled(app.submit(greet, {}));
  await clock.advance(1000);
  expect(await later).toBe("hello");
  expect(await clock.runUntilSettled(handle.result())).toBe("hello");
  await expect(handle.get()).rejects.toThrow("app.get(…) is awaited");
  await clock.runUntilSettled(app.stop());
});

test("the clock's limit is named, with what waits and how to raise it", async () => {
  const { app, clock } = await startTestTutti({ workers: [slow, parent] });
  const running = app.run(parent, {}, { run: "r" });
  const error: Error = await clock.runUntilSettled(running).then(
    () => expect.fail("it takes longer"),
    (reason: Error) => reason,
  );
  expect(error.name).toBe("VirtualClockError");
  expect(error.message).toContain("stopped at its limit: 3600000 ms have passed (1h 0m of its time)");
  expect(error.message).toContain("Waiting: run r (parent): part (slow) is backingOff, attempt 2.");
  expect(error.message).toContain("clock.runUntilSettled(promise, 86400000)");
  expect(await clock.runUntilSettled(running, 86_400_000)).toEqual({ part: 3 });
  await clock.runUntilSettled(app.stop());
});
