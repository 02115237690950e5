import { describe, expect, test } from "vitest";
import { header, type StoredMessage } from "../../src/bus/port.ts";
import { bytes, text } from "./bytes.ts";
import type { Contract } from "./contract.ts";
import { Collector, eventually } from "./wait.ts";

export function followContract({ connect, unique }: Contract): void {
  const openLog = async (messages = 0) => {
    const bus = await connect();
    const name = unique();
    await bus.ensureStream({ name, subjects: [`${name}.>`], retention: "limits" });
    const append = (from: number, to: number) =>
      Promise.all(
        Array.from({ length: to - from + 1 }, (_, i) =>
          bus.append(`${name}.${(from + i) % 2 ? "odd" : "even"}`, bytes(`${from + i}`)),
        ),
      );
    if (messages > 0) await append(1, messages);
    return { bus, name, append };
  };
  const numbers = (messages: StoredMessage[]) => messages.map((message) => Number(text(message.data)));
  const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

  describe("a follower", () => {
    test("reads what is there, then what comes, in order, each once", async () => {
      const { bus, name, append } = await openLog(100);
      const got = new Collector<StoredMessage>();
      await bus.follow(name, ">", got.add);
      await append(101, 200);
      await got.atLeast(200);
      await append(201, 201);
      expect(numbers(await got.atLeast(201))).toEqual(range(1, 201));
      expect(got.items.map((message) => message.sequence)).toEqual(range(1, 201));
    });

    test("gives subject, time, and headers", async () => {
      const { bus, name } = await openLog();
      const { sequence } = await bus.append(`${name}.a`, bytes("x"), { headers: { "Tutti-Run": "r" } });
      const stored = await bus.getMessage(name, sequence);
      const got = new Collector<StoredMessage>();
      await bus.follow(name, `${name}.a`, got.add);
      const [message] = (await got.atLeast(1)) as [StoredMessage];
      expect(message).toMatchObject({ subject: `${name}.a`, sequence: 1, timestamp: stored?.timestamp });
      expect(header(message, "tutti-run")).toBe("r");
    });

    test("begins at fromSequence", async () => {
      const { bus, name, append } = await openLog(10);
      const got = new Collector<StoredMessage>();
      await bus.follow(name, ">", got.add, { fromSequence: 8 });
      await append(11, 12);
      expect(numbers(await got.atLeast(5))).toEqual(range(8, 12));
    });

    test("waits for a fromSequence that is yet to come", async () => {
      const { bus, name, append } = await openLog(3);
      const got = new Collector<StoredMessage>();
      await bus.follow(name, ">", got.add, { fromSequence: 6 });
      await append(4, 8);
      expect(numbers(await got.atLeast(3))).toEqual([6, 7, 8]);
    });

    test("skips what was removed", async () => {
      const { bus, name, append } = await openLog(6);
      await bus.removeSubject(name, `${name}.even`);
      const got = new Collector<StoredMessage>();
      await bus.follow(name, ">", got.add, { fromSequence: 2 });
      await append(7, 7);
      expect(numbers(await got.atLeast(3))).toEqual([3, 5, 7]);
    });

    test("reads only what matches", async () => {
      const { bus, name, append } = await openLog(10);
      const [even, none] = [new Collector<StoredMessage>(), new Collector<StoredMessage>()];
      await bus.follow(name, `${name}.even`, even.add);
      await bus.follow(name, `${name}.none.>`, none.add);
      await append(11, 20);
      expect(numbers(await even.atLeast(10))).toEqual([2, 4, 6, 8, 10, 12, 14, 16, 18, 20]);
      expect(even.items.map((message) => message.sequence)).toEqual(numbers(even.items));
      expect(none.items).toEqual([]);
    });

    test("shares nothing with other followers: each reads all", async () => {
      const { bus, name } = await openLog(10);
      const other = await connect();
      const [one, two] = [new Collector<StoredMessage>(), new Collector<StoredMessage>()];
      await bus.follow(name, ">", one.add);
      await other.follow(name, ">", two.add);
      expect(numbers(await one.atLeast(10))).toEqual(numbers(await two.atLeast(10)));
    });

    test("tells once when it has caught up, after the messages the stream held", async () => {
      const { bus, name, append } = await openLog(50);
      const got = new Collector<StoredMessage>();
      const caughtUpAfter: number[] = [];
      await bus.follow(name, ">", got.add, { onCaughtUp: () => caughtUpAfter.push(got.items.length) });
      await eventually("caught up", () => caughtUpAfter.length > 0);
      expect(caughtUpAfter[0]).toBeGreaterThanOrEqual(50);
      await append(51, 60);
      await got.atLeast(60);
      expect(caughtUpAfter).toHaveLength(1);
    });

    test.each([
      ["of an empty stream", 0, ">", 1],
      ["when nothing matches", 10, "none", 1],
      ["when it begins at the end", 10, ">", 11],
      ["when it begins beyond the end", 10, ">", 100],
    ])("tells that it has caught up %s", async (_, messages, filter, fromSequence) => {
      const { bus, name } = await openLog(messages);
      const got = new Collector<StoredMessage>();
      let caughtUp = 0;
      await bus.follow(name, filter === ">" ? ">" : `${name}.${filter}`, got.add, {
        fromSequence,
        onCaughtUp: () => caughtUp++,
      });
      await eventually("caught up", () => caughtUp > 0);
      expect(got.items).toEqual([]);
      expect(caughtUp).toBe(1);
    });

    test("tells that it has caught up when the last messages do not match", async () => {
      const { bus, name } = await openLog(3); // 1 and 3 are odd
      const got = new Collector<StoredMessage>();
      let caughtUpAfter: number | undefined;
      await bus.follow(name, `${name}.even`, got.add, { onCaughtUp: () => (caughtUpAfter = got.items.length) });
      await eventually("caught up", () => caughtUpAfter !== undefined);
      expect(caughtUpAfter).toBe(1);
    });

    test("of a work queue is refused: what is in one can only be taken", async () => {
      const bus = await connect();
      const name = unique();
      await bus.ensureStream({ name, subjects: [`${name}.>`], retention: "work-queue" });
      await expect(bus.follow(name, ">", () => {})).rejects.toMatchObject({ name: "BusError", code: "failed" });
    });

    test("keeps order and completeness while many append", async () => {
      const { bus, name, append } = await openLog();
      const got = new Collector<StoredMessage>();
      const follower = connect().then((other) => other.follow(name, ">", got.add));
      await Promise.all([append(1, 2_000), follower]);
      await got.atLeast(2_000);
      expect(got.items.map((message) => message.sequence)).toEqual(range(1, 2_000));
      expect(await bus.lastSequence(name)).toBe(2_000);
    });

    test("is not called after stop(), which may be called twice", async () => {
      const { bus, name, append } = await openLog(1);
      const [stopped, going] = [new Collector<StoredMessage>(), new Collector<StoredMessage>()];
      const follower = await bus.follow(name, ">", stopped.add);
      await bus.follow(name, ">", going.add);
      await stopped.atLeast(1);
      await follower.stop();
      await follower.stop();
      await append(2, 2);
      await going.atLeast(2);
      expect(stopped.items).toHaveLength(1);
    });
  });
}
