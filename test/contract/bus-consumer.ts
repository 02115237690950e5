import { describe, expect, test } from "vitest";
import type { ConsumerDefinition, Delivery, StreamDefinition } from "../../src/bus/port.ts";
import { bytes, text } from "./bytes.ts";
import type { Contract } from "./contract.ts";
import { openQueue as openQueueOf, texts } from "./queue.ts";
import { Collector, eventually, removal } from "./wait.ts";

export function consumerContract(contract: Contract): void {
  const { connect, unique } = contract;
  const openQueue = (consumer?: Partial<ConsumerDefinition>, stream?: Partial<StreamDefinition>) =>
    openQueueOf(contract, consumer, stream);

  describe("a consumer", () => {
    test("gives what was in the stream before it was made", async () => {
      const bus = await connect();
      const name = unique();
      await bus.ensureStream({ name, subjects: [`${name}.>`], retention: "work-queue" });
      for (const i of [1, 2, 3]) await bus.append(`${name}.a`, bytes(`${i}`));
      await bus.ensureConsumer({ stream: name, name: "c", filter: ">", ackWaitMs: 10_000, maxAckPending: 10 });
      const got = new Collector<Delivery>();
      (await bus.pull(name, "c", got.add)).demand(3);
      expect(texts(await got.atLeast(3))).toEqual(["1", "2", "3"]);
    });

    test("gives out no more than maxAckPending unsettled, over all pullers", async () => {
      const { bus, name, append } = await openQueue({ maxAckPending: 3 });
      const got = new Collector<Delivery>();
      (await bus.pull(name, "c", got.add)).demand(10);
      (await (await connect()).pull(name, "c", got.add)).demand(10);
      await append(1, 2, 3, 4, 5);
      const first = await got.atLeast(3);
      await bus.lastSequence(name);
      expect(got.items).toHaveLength(3);
      first[0]?.ack();
      await got.atLeast(4);
      first[1]?.terminate();
      expect(new Set(texts(await got.atLeast(5)))).toEqual(new Set(["1", "2", "3", "4", "5"]));
    });

    test("counts a message given back against maxAckPending until it is settled", async () => {
      const { bus, name, append } = await openQueue({ maxAckPending: 1 });
      const got = new Collector<Delivery>();
      (await bus.pull(name, "c", got.add)).demand(10);
      await append(1);
      await append(2);
      (await got.atLeast(1))[0]?.nak(300);
      const [, again] = await got.atLeast(2);
      expect(text(again?.data)).toBe("1");
      again?.ack();
      expect(texts(await got.atLeast(3))).toEqual(["1", "1", "2"]);
    });

    test("says up to where it has given out, and not what it has yet to", async () => {
      const { bus, name, append } = await openQueue();
      expect(await bus.lastDelivered(name, "c")).toBe(0);
      await append("a", "b", "c");
      expect(await bus.lastDelivered(name, "c")).toBe(0);
      const got = new Collector<Delivery>();
      const puller = await bus.pull(name, "c", got.add);
      puller.demand(2);
      const [, second] = await got.atLeast(2);
      expect(await bus.lastDelivered(name, "c")).toBe(second!.sequence);
      second!.nak();
      puller.demand(1);
      await got.atLeast(3);
      expect(await bus.lastDelivered(name, "c")).toBe(second!.sequence);
      await expect(bus.lastDelivered(name, "none")).rejects.toMatchObject({ code: "failed" });
    });

    // Servers before 2.9.15 skip waiting messages of *other* subjects after a purge with a filter (nats-server #3838,
    // and #5075 until 2.10.11); deleting the message by its sequence does not have that effect.
    test("still gives out what waits on other subjects after removeSubject", async () => {
      const { bus, name, append } = await openQueue();
      for (const subject of ["a", "b", "c"]) await append(subject);
      await bus.removeSubject(name, `${name}.b`);
      const got = new Collector<Delivery>();
      const puller = await bus.pull(name, "c", got.add);
      puller.demand(1);
      await got.atLeast(1);
      await bus.removeSubject(name, `${name}.a`);
      puller.demand(1);
      expect(texts(await got.atLeast(2))).toEqual(["a", "c"]);
    });

    test("gives out another at once when removeSubject takes away an unsettled one", async () => {
      const { bus, name, append } = await openQueue({ maxAckPending: 1, ackWaitMs: 60_000 });
      const got = new Collector<Delivery>();
      (await bus.pull(name, "c", got.add)).demand(10);
      await append("a");
      await got.atLeast(1);
      await append("b");
      await bus.removeSubject(name, `${name}.a`);
      expect(texts(await got.atLeast(2))).toEqual(["a", "b"]);
    });

    test("with a filter that has nothing to do with the stream's subjects is refused", async () => {
      const { bus, definition } = await openQueue();
      const outside = bus.ensureConsumer({ ...definition, name: "d", filter: `${unique()}.>` });
      await expect(outside).rejects.toMatchObject({ name: "BusError", code: "failed" });
    });

    test("gives a lost connection's messages to another after the ack wait", async () => {
      const { name, append } = await openQueue({ ackWaitMs: 400 });
      const [dying, living] = [await connect(), await connect()];
      const [lost, found] = [new Collector<Delivery>(), new Collector<Delivery>()];
      (await dying.pull(name, "c", lost.add)).demand(2);
      await append(1, 2);
      await lost.atLeast(2);
      await dying.close();
      (await living.pull(name, "c", found.add)).demand(2);
      const again = await found.atLeast(2);
      expect(again.map((delivery) => delivery.deliveries)).toEqual([2, 2]);
      expect(texts(again).sort()).toEqual(["1", "2"]);
    });

    test("may be ensured again, by many at once, and be changed", async () => {
      const { bus, name, definition, append } = await openQueue({ maxAckPending: 1 });
      const buses = [await connect(), await connect()];
      await Promise.all(buses.map((other) => other.ensureConsumer(definition)));
      const got = new Collector<Delivery>();
      (await bus.pull(name, "c", got.add)).demand(10);
      await append(1, 2);
      await got.atLeast(1);
      await bus.ensureConsumer({ ...definition, maxAckPending: 2 });
      await got.atLeast(2);
    });

    test("of a work queue may not overlap with another's filter", async () => {
      const { bus, name, definition } = await openQueue({ filter: ">" });
      await expect(bus.ensureConsumer({ ...definition, name: "d", filter: `${name}.a.>` })).rejects.toMatchObject({
        name: "BusError",
        code: "failed",
      });
    });

    test("of a work queue stands beside others whose filters are apart", async () => {
      const bus = await connect();
      const name = unique();
      await bus.ensureStream({ name, subjects: [`${name}.>`], retention: "work-queue", onePerSubject: true });
      const consumer = { stream: name, ackWaitMs: 10_000, maxAckPending: 10 };
      await bus.ensureConsumer({ ...consumer, name: "x", filter: `${name}.x.>` });
      await bus.ensureConsumer({ ...consumer, name: "y", filter: `${name}.y.>` });
      const [x, y] = [new Collector<Delivery>(), new Collector<Delivery>()];
      (await bus.pull(name, "x", x.add)).demand(10);
      (await bus.pull(name, "y", y.add)).demand(10);
      for (const subject of ["y.1", "x.1", "z.1", "y.2", "x.2"]) await bus.append(`${name}.${subject}`, bytes(subject));
      expect(texts(await x.atLeast(2))).toEqual(["x.1", "x.2"]);
      expect(texts(await y.atLeast(2))).toEqual(["y.1", "y.2"]);
      expect(await bus.getLastMessage(name, `${name}.z.>`)).toMatchObject({ subject: `${name}.z.1` });
    });

    test("of a stream with limits leaves what is acknowledged in the stream", async () => {
      const { bus, name, append } = await openQueue(
        { maxAckPending: 1 },
        { retention: "limits", onePerSubject: false },
      );
      const got = new Collector<Delivery>();
      (await bus.pull(name, "c", got.add)).demand(10);
      await append(1, 2);
      (await got.atLeast(1))[0]?.ack();
      // The second comes because the first is settled.
      expect(texts(await got.atLeast(2))).toEqual(["1", "2"]);
      expect(text((await bus.getMessage(name, 1))?.data)).toBe("1");
    });

    test("makes room in a full work queue as it is worked off", async () => {
      const { bus, name, append } = await openQueue({}, { maxMessages: 2 });
      await append(1, 2);
      await expect(append(3)).rejects.toMatchObject({ code: "full" });
      const got = new Collector<Delivery>();
      (await bus.pull(name, "c", got.add)).demand(1);
      (await got.atLeast(1))[0]?.ack();
      await removal(bus, name, 1);
      await append(3);
    });

    test("never gives out what the stream has let go of for its age", async () => {
      const { bus, name, append } = await openQueue({}, { maxAgeMs: 400 });
      await append("old");
      await eventually("expiry", async () => (await bus.getMessage(name, 1)) === undefined);
      await append("new");
      const got = new Collector<Delivery>();
      (await bus.pull(name, "c", got.add)).demand(2);
      expect(texts(await got.atLeast(1))).toEqual(["new"]);
    });
  });
}
