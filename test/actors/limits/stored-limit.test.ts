import { expect, test } from "vitest";
import { StoredLimit } from "../../../src/actors/limits/stored-limit.ts";
import { createMemoryBus } from "../../../src/bus/memory/bus.ts";
import { type Bucket, BusError } from "../../../src/bus/port.ts";
import { encodeJson, encodeText } from "../../../src/core/json.ts";
import type { LimitEntry } from "../../../src/core/limit-entry.ts";
import { createVirtualClock } from "../../../src/core/virtual-clock.ts";

const HEAD = { by: "type", of: "t", most: 5 } as const;

/** The entry after a change by which shard 0 of "us" holds so many permits. */
const holding =
  (held: number) =>
  (entry: LimitEntry): LimitEntry => ({
    ...entry,
    changes: entry.changes + 1,
    shards: { 0: { owner: "us", held, wanted: held } },
  });

async function createBench() {
  const clock = createVirtualClock();
  const passing = <T>(promise: Promise<T>) => clock.runUntilSettled(promise);
  const bucket: Bucket = await passing(createMemoryBus({ clock }).bucket({ name: "limits" }));
  const stored = new StoredLimit(bucket, "id", HEAD, "us");
  const change = (held: number) => passing(stored.change(holding(held), () => {}));
  return { passing, bucket, stored, change };
}

test.each([
  ["not JSON", encodeText("{")],
  ["not UTF-8", Uint8Array.of(0xff, 0xfe)],
  ["of another shape", encodeJson({ v: 99 })],
])("an entry that is %s is written over", async (_, data) => {
  const { passing, bucket, stored, change } = await createBench();
  await passing(bucket.put("id", data));
  await change(2);
  expect(stored.heldBy(0)).toBe(2);
});

test("a change that was refused takes no permit away; one that was not confirmed does", async () => {
  const { passing, bucket, stored, change } = await createBench();
  await change(4);
  const other = new StoredLimit(bucket, "id", HEAD, "them");
  await passing(
    other.change(
      (entry) => ({ ...entry, changes: entry.changes + 1 }),
      () => {},
    ),
  );
  const proposals = [holding(1), () => undefined];
  await passing(
    stored.change(
      (entry) => proposals.shift()!(entry),
      () => {},
    ),
  );
  expect(stored.heldBy(0)).toBe(4);
  bucket.update = () => Promise.reject(new BusError("unconfirmed", "no acknowledgement"));
  await expect(change(3)).rejects.toThrow("no acknowledgement");
  expect(stored.heldBy(0)).toBe(3);
});
