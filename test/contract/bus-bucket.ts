import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { BucketDefinition } from "../../src/bus/port.ts";
import { bytes, text } from "./bytes.ts";
import type { Contract } from "./contract.ts";
import { Collector, eventually } from "./wait.ts";

type Change = [key: string, value: string | undefined];

export function bucketContract({ connect, unique }: Contract): void {
  const openBucket = async (definition: Partial<BucketDefinition> = {}) => {
    const bus = await connect();
    const name = unique();
    return { bus, name, bucket: await bus.bucket({ name, ...definition }) };
  };
  const wrong = { name: "BusError", code: "wrong-sequence" };

  describe("a bucket", () => {
    test("gives back what was put, and undefined for what was not", async () => {
      const { bucket } = await openBucket();
      const revision = await bucket.put("a", bytes("1"));
      expect(await bucket.get("a")).toMatchObject({ key: "a", revision });
      expect(text((await bucket.get("a"))?.value)).toBe("1");
      expect(await bucket.get("b")).toBeUndefined();
    });

    test("takes keys of all characters it promises", async () => {
      const { bucket } = await openBucket();
      const key = "Az09-/_=.x/y";
      await bucket.put(key, bytes("1"));
      expect(await bucket.get(key)).toMatchObject({ key });
    });

    test.each(["", "a b", "a*", "a.>", ".a", "ä"])("refuses the key %j", async (key) => {
      const { bucket } = await openBucket();
      await expect(bucket.put(key, bytes("1"))).rejects.toMatchObject({ name: "BusError", code: "failed" });
    });

    test("is one bucket for all that open it, also at once", async () => {
      const buses = [await connect(), await connect(), await connect()];
      const name = unique();
      const [one, two] = await Promise.all(buses.map((bus) => bus.bucket({ name })));
      await one?.put("a", bytes("1"));
      expect(text((await two?.get("a"))?.value)).toBe("1");
    });

    test("has revisions that grow with every change", async () => {
      const { bucket } = await openBucket();
      const first = await bucket.put("a", bytes("1"));
      const second = await bucket.put("b", bytes("2"));
      await bucket.delete("b");
      const third = await bucket.put("a", bytes("3"));
      expect(second).toBeGreaterThan(first);
      expect(third).toBeGreaterThan(second + 1);
    });

    test("creates a key only when it is absent", async () => {
      const { bucket } = await openBucket();
      await bucket.create("a", bytes("1"));
      await expect(bucket.create("a", bytes("2"))).rejects.toMatchObject(wrong);
      expect(text((await bucket.get("a"))?.value)).toBe("1");
    });

    test("creates a deleted key again", async () => {
      const { bucket } = await openBucket();
      await bucket.create("a", bytes("1"));
      await bucket.delete("a");
      await bucket.create("a", bytes("2"));
      expect(text((await bucket.get("a"))?.value)).toBe("2");
    });

    test("lets exactly one of many racing to create a key win", async () => {
      const buses = [await connect(), await connect(), await connect()];
      const name = unique();
      const buckets = await Promise.all(buses.map((bus) => bus.bucket({ name })));
      const race = await Promise.allSettled(
        Array.from({ length: 30 }, (_, i) => buckets[i % 3]?.create("a", bytes(`${i}`))),
      );
      const lost = race.flatMap((result) => (result.status === "rejected" ? result.reason.code : []));
      expect(lost).toEqual(Array(29).fill("wrong-sequence"));
    });

    test("updates a key only at the revision it stands at", async () => {
      const { bucket } = await openBucket();
      const first = await bucket.put("a", bytes("1"));
      const second = await bucket.update("a", bytes("2"), first);
      await expect(bucket.update("a", bytes("3"), first)).rejects.toMatchObject(wrong);
      await expect(bucket.update("b", bytes("3"), second)).rejects.toMatchObject(wrong);
      await expect(bucket.update("b", bytes("3"), 0)).rejects.toMatchObject(wrong);
      expect(await bucket.get("a")).toMatchObject({ revision: second });
      expect(text((await bucket.get("a"))?.value)).toBe("2");
    });

    test("deletes a key, with a revision only if it stands there", async () => {
      const { bucket } = await openBucket();
      const first = await bucket.put("a", bytes("1"));
      const second = await bucket.put("a", bytes("2"));
      await expect(bucket.delete("a", first)).rejects.toMatchObject(wrong);
      expect(text((await bucket.get("a"))?.value)).toBe("2");
      await bucket.delete("a", second);
      expect(await bucket.get("a")).toBeUndefined();
      await expect(bucket.update("a", bytes("3"), second)).rejects.toMatchObject(wrong);
      await expect(bucket.delete("never", 0)).rejects.toMatchObject(wrong);
      await bucket.delete("never");
    });

    test("lists all live entries", async () => {
      const { bucket } = await openBucket();
      expect(await bucket.entries()).toEqual([]);
      for (const key of ["a", "b/x", "c"]) await bucket.put(key, bytes(key));
      const revision = await bucket.put("a", bytes("new"));
      await bucket.delete("c");
      const entries = (await bucket.entries()).sort((x, y) => (x.key < y.key ? -1 : 1));
      expect(entries.map((entry) => [entry.key, text(entry.value)])).toEqual([
        ["a", "new"],
        ["b/x", "b/x"],
      ]);
      expect(entries[0]?.revision).toBe(revision);
    });

    test("refuses a value over maxPayload with too-large", async () => {
      const { bus, bucket } = await openBucket();
      await expect(bucket.put("a", new Uint8Array(bus.maxPayload + 1))).rejects.toMatchObject({ code: "too-large" });
    });
  });

  describe("watching a bucket", () => {
    test("tells of the present entries, that it is ready, and then of each change", async () => {
      const { bucket } = await openBucket();
      await bucket.put("a", bytes("0"));
      await bucket.put("a", bytes("1"));
      await bucket.put("b", bytes("2"));
      await bucket.put("gone", bytes("3"));
      await bucket.delete("gone");
      const told = new Collector<Change | "ready">();
      await bucket.watch(
        (key, value) => told.add([key, text(value)]),
        () => told.add("ready"),
      );
      const present = await told.atLeast(3);
      expect(present.slice(0, 2).sort()).toEqual([
        ["a", "1"],
        ["b", "2"],
      ]);
      expect(present[2]).toBe("ready");
      await bucket.put("c", bytes("4"));
      await bucket.put("a", bytes("5"));
      await bucket.delete("b");
      await bucket.create("b", bytes("6"));
      expect((await told.atLeast(7)).slice(3)).toEqual([
        ["c", "4"],
        ["a", "5"],
        ["b", undefined],
        ["b", "6"],
      ]);
    });

    test("is ready at once for an empty bucket, and hears of what others do", async () => {
      const { name, bucket } = await openBucket();
      const told = new Collector<Change | "ready">();
      await bucket.watch(
        (key, value) => told.add([key, text(value)]),
        () => told.add("ready"),
      );
      expect(await told.atLeast(1)).toEqual(["ready"]);
      const other = await (await connect()).bucket({ name });
      await other.put("a", bytes("1"));
      expect((await told.atLeast(2))[1]).toEqual(["a", "1"]);
    });

    test("ends with stop()", async () => {
      const { bucket } = await openBucket();
      const [stopped, going] = [new Collector<Change>(), new Collector<Change>()];
      const watch = await bucket.watch((key, value) => stopped.add([key, text(value)]));
      await bucket.watch((key, value) => going.add([key, text(value)]));
      await bucket.put("a", bytes("1"));
      await stopped.atLeast(1);
      await watch.stop();
      await watch.stop();
      await bucket.put("a", bytes("2"));
      await going.atLeast(2);
      expect(stopped.items).toHaveLength(1);
    });
  });

  describe("a bucket with a time to live", () => {
    test("loses an entry that long after its last put; it can be created again", async () => {
      const { bucket } = await openBucket({ ttlMs: 500 });
      await bucket.create("a", bytes("1"));
      const put = performance.now();
      expect(await bucket.entries()).toHaveLength(1);
      await eventually("expiry", async () => (await bucket.entries()).length === 0);
      expect(performance.now() - put).toBeGreaterThanOrEqual(400);
      expect(await bucket.get("a")).toBeUndefined();
      await bucket.create("a", bytes("2"));
      expect(text((await bucket.get("a"))?.value)).toBe("2");
    });

    test("keeps an entry that is put again and again", async () => {
      const { bucket } = await openBucket({ ttlMs: 600 });
      let revision = await bucket.create("a", bytes("1"));
      await bucket.put("control", bytes("1"));
      await eventually("expiry of the control", async () => {
        revision = await bucket.update("a", bytes("1"), revision);
        return (await bucket.get("control")) === undefined;
      });
      expect(await bucket.get("a")).toMatchObject({ revision });
    });

    test("says nothing to watchers when an entry expires", async () => {
      const { bucket } = await openBucket({ ttlMs: 400 });
      const told = new Collector<Change>();
      await bucket.watch((key, value) => told.add([key, text(value)]));
      await bucket.put("a", bytes("1"));
      await eventually("expiry", async () => (await bucket.entries()).length === 0);
      await bucket.put("b", bytes("2"));
      expect(await told.atLeast(2)).toEqual([
        ["a", "1"],
        ["b", "2"],
      ]);
    });
  });

  describe("an object store", () => {
    test("keeps what is far too large for a message, byte by byte", async () => {
      const [writer, reader] = [await connect(), await connect()];
      const name = unique();
      const data = randomBytes(3 * writer.maxPayload + 17);
      await (await writer.objects({ name })).put("blob/1", data);
      const read = await (await reader.objects({ name })).get("blob/1");
      expect(read && Buffer.compare(read, data)).toBe(0);
    });

    test("gives undefined for what it does not have, and the last of what was put", async () => {
      const objects = await (await connect()).objects({ name: unique() });
      expect(await objects.get("a")).toBeUndefined();
      await objects.put("a", bytes("1"));
      await objects.put("a", bytes("2"));
      expect(text(await objects.get("a"))).toBe("2");
    });

    test("that is full refuses what finds no room, and keeps what it has", async () => {
      const bus = await connect();
      const name = unique();
      const objects = await bus.objects({ name, maxBytes: 100_000 });
      await objects.put("a", new Uint8Array(60_000));
      await expect(objects.put("b", new Uint8Array(60_000))).rejects.toMatchObject({ code: "full" });
      expect(await objects.get("a")).toHaveLength(60_000);
      expect(await objects.get("b")).toBeUndefined();
      const roomier = await bus.objects({ name, maxBytes: 0 });
      await roomier.put("b", new Uint8Array(60_000));
      expect(await objects.get("b")).toHaveLength(60_000);
    });

    test("never miss an object while it is stored anew", async () => {
      const name = unique();
      const [writer, reader] = [await (await connect()).objects({ name }), await (await connect()).objects({ name })];
      const data = new Uint8Array(300_000).fill(7);
      await writer.put("a", data);
      let writing = true;
      const written = (async () => {
        for (let i = 0; i < 30; i++) await writer.put("a", data);
        writing = false;
      })();
      let reads = 0;
      for (; writing; reads++) expect(await reader.get("a")).toHaveLength(data.length);
      await written;
      expect(reads).toBeGreaterThan(0);
    });

    test("keeps an empty object", async () => {
      const objects = await (await connect()).objects({ name: unique() });
      await objects.put("a", new Uint8Array());
      expect(await objects.get("a")).toHaveLength(0);
    });

    test("loses an object after maxAgeMs", async () => {
      const objects = await (await connect()).objects({ name: unique(), maxAgeMs: 600 });
      await objects.put("a", bytes("1"));
      expect(text(await objects.get("a"))).toBe("1");
      await eventually("expiry", async () => (await objects.get("a")) === undefined);
    });
  });
}
