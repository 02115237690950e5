import { expect, test } from "vitest";
import { InProgress } from "../../../src/actors/host/in-progress.ts";

test("has finished once all that was added has come to its end, also what came meanwhile", async () => {
  const work = new InProgress();
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const ended: string[] = [];
  work.add(first.promise.then(() => void ended.push("first")));
  const finished = work.finished().then(() => ended.push("finished"));
  work.add(second.promise.then(() => void ended.push("second")));
  first.resolve();
  await first.promise;
  expect(work.size).toBe(2);
  second.resolve();
  await finished;
  expect(ended).toEqual(["first", "second", "finished"]);
  expect(work.size).toBe(0);
});

test("has finished at once when nothing was added", async () => {
  await expect(new InProgress().finished()).resolves.toBeUndefined();
});
