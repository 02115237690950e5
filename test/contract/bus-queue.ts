import { describe, expect, test } from "vitest";
import { type ConsumerDefinition, type Delivery, header } from "../../src/bus/port.ts";
import { bytes, text } from "./bytes.ts";
import type { Contract } from "./contract.ts";
import { openQueue as openQueueOf, texts } from "./queue.ts";
import { Collector, eventually, removal } from "./wait.ts";

export function queueContract(contract: Contract): void {
  const { connect } = contract;
  const openQueue = (consumer?: Partial<ConsumerDefinition>) => openQueueOf(contract, consumer);

  describe("a puller", () => {
    test("gets nothing without demand, and no more than it demanded", async () => {
      const { bus, name, append } = await openQueue();
      await append(1, 2, 3, 4, 5);
      const [first, second] = [new Collector<Delivery>(), new Collector<Delivery>()];
      const puller = await bus.pull(name, "c", first.add);
      const other = await bus.pull(name, "c", second.add);
      other.demand(2);
      expect(texts(await second.atLeast(2))).toEqual(["1", "2"]);
      expect(first.items).toEqual([]);
      puller.demand(3);
      expect(texts(await first.atLeast(3))).toEqual(["3", "4", "5"]);
      expect(second.items).toHaveLength(2);
    });

    test("gets what comes later for a demand made before, and demands add up", async () => {
      const { bus, name, append } = await openQueue();
      const got = new Collector<Delivery>();
      const puller = await bus.pull(name, "c", got.add);
      puller.demand(1);
      puller.demand(2);
      expect(puller.outstanding).toBe(3);
      await append(1);
      await got.atLeast(1);
      expect(puller.outstanding).toBe(2);
      await append(2, 3, 4);
      await got.atLeast(3);
      expect(puller.outstanding).toBe(0);
      puller.demand(1);
      expect(texts(await got.atLeast(4))).toEqual(["1", "2", "3", "4"]);
    });

    test("sees the message as it was stored, delivered for the first time", async () => {
      const { bus, name } = await openQueue();
      await bus.append(`${name}.a`, bytes("data"), { headers: { traceparent: "00-ab" } });
      const stored = await bus.getMessage(name, 1);
      const got = new Collector<Delivery>();
      (await bus.pull(name, "c", got.add)).demand(1);
      const [delivery] = (await got.atLeast(1)) as [Delivery];
      expect(delivery).toMatchObject({
        subject: `${name}.a`,
        sequence: 1,
        deliveries: 1,
        timestamp: stored?.timestamp,
      });
      expect(text(delivery.data)).toBe("data");
      expect(header(delivery, "Traceparent")).toBe("00-ab");
    });

    test("shares the queue with others: each message goes to one", async () => {
      const { bus, name, append } = await openQueue();
      const [one, two] = [new Collector<Delivery>(), new Collector<Delivery>()];
      const other = await connect();
      (await bus.pull(name, "c", one.add)).demand(100);
      (await other.pull(name, "c", two.add)).demand(100);
      // So that both demands have reached the broker.
      await Promise.all([bus.lastSequence(name), other.lastSequence(name)]);
      await append(...Array.from({ length: 100 }, (_, i) => i));
      await eventually("all delivered", () => one.items.length + two.items.length >= 100);
      expect(new Set([...texts(one.items), ...texts(two.items)]).size).toBe(100);
      expect(one.items.length).toBeGreaterThan(0);
      expect(two.items.length).toBeGreaterThan(0);
    });

    test("that stops gets nothing more, and what was on its way goes to others", async () => {
      const { bus, name, append } = await openQueue({ ackWaitMs: 400 });
      const [gone, stays] = [new Collector<Delivery>(), new Collector<Delivery>()];
      const puller = await bus.pull(name, "c", gone.add);
      puller.demand(10);
      await append(1);
      for (const delivery of await gone.atLeast(1)) delivery.ack();
      await puller.stop();
      await puller.stop();
      expect(puller.outstanding).toBe(0);
      await append(2, 3);
      (await bus.pull(name, "c", stays.add)).demand(2);
      expect(new Set(texts(await stays.atLeast(2)))).toEqual(new Set(["2", "3"]));
      expect(gone.items).toHaveLength(1);
    });

    test("of a consumer that does not exist is refused", async () => {
      const { bus, name } = await openQueue();
      await expect(bus.pull(name, "none", () => {})).rejects.toMatchObject({ name: "BusError", code: "failed" });
    });
  });

  describe("settling a delivery", () => {
    /** Delivers `subject` and returns the delivery, and the collector and puller it came through. */
    const deliverOne = async (consumer: Partial<ConsumerDefinition> = {}) => {
      const queue = await openQueue(consumer);
      const got = new Collector<Delivery>();
      const puller = await queue.bus.pull(queue.name, "c", got.add);
      await queue.append("a");
      puller.demand(1);
      const [delivery] = (await got.atLeast(1)) as [Delivery];
      return { ...queue, got, puller, delivery };
    };

    test("ack removes the message, and its subject may be appended again", async () => {
      const { bus, name, delivery, append } = await deliverOne();
      await expect(append("a")).rejects.toMatchObject({ code: "subject-taken" });
      delivery.ack();
      await removal(bus, name, delivery.sequence);
      await append("a");
      expect(await bus.listSubjects(name, ">")).toEqual([`${name}.a`]);
    });

    test("nothing within the ack wait has it delivered again, with deliveries grown", async () => {
      const { got, puller, delivery } = await deliverOne({ ackWaitMs: 300 });
      puller.demand(2);
      const [, second, third] = (await got.atLeast(3)) as [Delivery, Delivery, Delivery];
      expect([second.sequence, second.deliveries]).toEqual([delivery.sequence, 2]);
      expect([third.sequence, third.deliveries]).toEqual([delivery.sequence, 3]);
      expect(text(third.data)).toBe("a");
    });

    test("a late ack, by a holder that lost it, still removes the message", async () => {
      const { bus, name, got, puller, delivery } = await deliverOne({ ackWaitMs: 300 });
      puller.demand(1);
      await got.atLeast(2);
      delivery.ack();
      await removal(bus, name, delivery.sequence);
    });

    test("nak has it delivered again at once", async () => {
      const { got, puller, delivery } = await deliverOne();
      delivery.nak();
      puller.demand(1);
      const [, again] = (await got.atLeast(2)) as [Delivery, Delivery];
      expect(again).toMatchObject({ sequence: delivery.sequence, deliveries: 2 });
    });

    test("nak with a delay has it delivered again after that, and others before", async () => {
      const { got, puller, delivery, append } = await deliverOne();
      const given = performance.now();
      delivery.nak(400);
      await append("b");
      puller.demand(2);
      const [, other, again] = (await got.atLeast(3)) as [Delivery, Delivery, Delivery];
      expect(text(other.data)).toBe("b");
      expect(again).toMatchObject({ sequence: delivery.sequence, deliveries: 2 });
      expect(performance.now() - given).toBeGreaterThanOrEqual(350);
    });

    test("inProgress restarts the ack wait", async () => {
      const { got, puller, delivery } = await deliverOne({ ackWaitMs: 500 });
      puller.demand(1);
      const delivered = performance.now();
      let extended = delivered;
      const working = setInterval(() => {
        delivery.inProgress();
        extended = performance.now();
      }, 150);
      await eventually("three ack waits", () => performance.now() - delivered > 1_500);
      clearInterval(working);
      expect(got.items).toHaveLength(1);
      await got.atLeast(2);
      expect(performance.now() - extended).toBeGreaterThanOrEqual(400);
    });

    test("terminate removes it for good", async () => {
      const { bus, name, got, puller, delivery, append } = await deliverOne({ ackWaitMs: 300 });
      delivery.terminate();
      await removal(bus, name, delivery.sequence);
      puller.demand(1);
      await append("b");
      expect(texts(await got.atLeast(2))).toEqual(["a", "b"]);
    });

    test("counts once: what is called after the first is ignored", async () => {
      const { got, puller, delivery } = await deliverOne();
      delivery.nak();
      delivery.ack();
      delivery.inProgress();
      delivery.terminate();
      puller.demand(1);
      const [, again] = (await got.atLeast(2)) as [Delivery, Delivery];
      expect(again).toMatchObject({ sequence: delivery.sequence, deliveries: 2 });
    });

    test("leaves what it has not reached on the list of what is unsettled, given back or not, in order", async () => {
      const { bus, name, append } = await openQueue();
      await append("x", "a", "b", "c", "d", "e");
      const got = new Collector<Delivery>();
      (await bus.pull(name, "c", got.add)).demand(4);
      const [first, second, third] = (await got.atLeast(4)) as [Delivery, Delivery, Delivery];
      first.ack();
      second.nak(10_000);
      third.inProgress();
      await removal(bus, name, first.sequence);
      expect(await bus.listUnsettled(name, "c")).toEqual([`${name}.a`, `${name}.b`, `${name}.c`]);
      expect(await bus.listUnsettled(name, "another")).toEqual([]);
    });

    test("works after removeSubject took the message away meanwhile, and the subject is free at once", async () => {
      const { bus, name, delivery, got, puller, append } = await deliverOne();
      expect(await bus.removeSubject(name, `${name}.a`)).toBe(1);
      await append("a");
      delivery.ack();
      puller.demand(1);
      const [, again] = (await got.atLeast(2)) as [Delivery, Delivery];
      expect(again).toMatchObject({ subject: `${name}.a`, sequence: 2, deliveries: 1 });
    });

    test("what removeSubject took away is not delivered again", async () => {
      const { bus, name, got, puller, append } = await deliverOne({ ackWaitMs: 300 });
      await bus.removeSubject(name, `${name}.a`);
      puller.demand(2);
      await append("b");
      const [, other, again] = (await got.atLeast(3)) as [Delivery, Delivery, Delivery];
      expect(text(other.data)).toBe("b");
      expect([text(again.data), again.deliveries]).toEqual(["b", 2]);
    });
  });
}
