import { expect, test } from "vitest";
import { z } from "zod";
import { parseBy } from "../../../src/actors/host/bucket-entry.ts";
import { BucketMirror } from "../../../src/actors/host/bucket-mirror.ts";
import { createMemoryBus } from "../../../src/bus/memory/bus.ts";
import { createVirtualClock } from "../../../src/core/virtual-clock.ts";
import { bytes } from "../../contract/bytes.ts";

const NAME = "colours";

async function openBucket() {
  const clock = createVirtualClock();
  const done = <T>(promise: Promise<T>) => clock.runUntilSettled(promise);
  const bucket = await done(createMemoryBus({ clock }).bucket({ name: NAME }));
  const put = (key: string, value: unknown) => done(bucket.put(key, bytes(JSON.stringify(value))));
  const logged: string[] = [];
  const log = (level: string, message: string) => void logged.push(`${level}: ${message}`);
  const parse = parseBy(z.object({ hue: z.int() }));
  const open = (options: { instead?: (key: string) => { hue: number } } = {}) =>
    done(BucketMirror.open(bucket, { bucket: NAME, parse, log, ...options }));
  return { clock, bucket, done, put, logged, open };
}

test("has every entry when it is open, and follows puts and deletes", async () => {
  const { clock, bucket, done, put, open } = await openBucket();
  await put("red", { hue: 0 });
  const mirror = await open();
  expect([...mirror.entries]).toEqual([["red", { hue: 0 }]]);
  await put("blue", { hue: 240 });
  await done(bucket.delete("red"));
  await clock.settle();
  expect([...mirror.entries]).toEqual([["blue", { hue: 240 }]]);
});

test("calls its listeners with what a key has and what it had", async () => {
  const { clock, bucket, done, put, open } = await openBucket();
  const mirror = await open();
  const heard: unknown[] = [];
  const unlisten = mirror.onChange((...change) => heard.push(change));
  await put("red", { hue: 1 });
  await put("red", { hue: 0 });
  await done(bucket.delete("red"));
  await clock.settle();
  unlisten();
  await put("red", { hue: 2 });
  await clock.settle();
  expect(heard).toEqual([
    ["red", { hue: 1 }, undefined],
    ["red", { hue: 0 }, { hue: 1 }],
    ["red", undefined, { hue: 0 }],
  ]);
});

test("skips what is no JSON or does not match, and keeps what the key had before", async () => {
  const { clock, bucket, done, put, logged, open } = await openBucket();
  await put("red", { hue: 0 });
  await put("odd", { hue: "pale" });
  await done(bucket.put("odder", bytes("{")));
  const mirror = await open();
  await put("red", []);
  await clock.settle();
  expect([...mirror.entries]).toEqual([["red", { hue: 0 }]]);
  expect(logged).toHaveLength(3);
  expect(logged[0]).toContain("the entry odd of the bucket colours cannot be read: /hue: ");
});

test("warns once of a key, and again when it was readable in between", async () => {
  const { clock, put, logged, open } = await openBucket();
  await open();
  for (const value of [{}, {}, {}, { hue: 1 }, {}]) await put("red", value);
  await clock.settle();
  expect(logged).toHaveLength(2);
});

test("takes something else for what cannot be read, where that is wanted", async () => {
  const { put, open } = await openBucket();
  await put("odd", {});
  const mirror = await open({ instead: (key) => ({ hue: key.length }) });
  expect(mirror.entries.get("odd")).toEqual({ hue: 3 });
});

test("hears nothing once it is stopped", async () => {
  const { clock, done, put, open } = await openBucket();
  const mirror = await open();
  await done(mirror.stop());
  await put("red", { hue: 0 });
  await clock.settle();
  expect(mirror.entries.size).toBe(0);
});
