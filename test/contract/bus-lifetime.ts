import { describe, expect, test } from "vitest";
import type { BusEvent } from "../../src/bus/bus-event.ts";
import type { Delivery, Message, StoredMessage } from "../../src/bus/port.ts";
import { bytes } from "./bytes.ts";
import type { Contract } from "./contract.ts";
import { Collector } from "./wait.ts";

export function lifetimeContract({ connect, unique }: Contract): void {
  describe("closing a bus", () => {
    const closed = { name: "BusError", code: "closed" };

    test("sends what was published before", async () => {
      const [sender, receiver] = [await connect(), await connect()];
      const subject = unique();
      const got = new Collector<Message>();
      await receiver.subscribe(subject, got.add);
      for (let i = 0; i < 100; i++) sender.publish(subject, bytes(`${i}`));
      await sender.close();
      await got.atLeast(100);
    });

    test("settles appends in flight, one way or the other", async () => {
      const [bus, other] = [await connect(), await connect()];
      const name = unique();
      await bus.ensureStream({ name, subjects: [`${name}.>`], retention: "limits" });
      const appends = Array.from({ length: 50 }, () => bus.append(`${name}.a`, bytes("x")));
      const settled = Promise.allSettled(appends);
      await bus.close();
      const stored = (await settled).filter(({ status }) => status === "fulfilled").length;
      expect(await other.lastSequence(name)).toBeGreaterThanOrEqual(stored);
      for (const result of await settled)
        if (result.status === "rejected") expect(["unconfirmed", "closed"]).toContain(result.reason.code);
    });

    test("stops everything that was started through it", async () => {
      const [bus, other] = [await connect(), await connect()];
      const name = unique();
      await bus.ensureStream({ name, subjects: [`${name}.>`], retention: "work-queue" });
      await bus.ensureStream({ name: `${name}L`, subjects: [`${name}L.>`], retention: "limits" });
      await bus.ensureConsumer({ stream: name, name: "c", filter: ">", ackWaitMs: 1_000, maxAckPending: 10 });
      const late = new Collector<Message | StoredMessage | Delivery | string>();
      await bus.subscribe(`${name}core`, late.add);
      await bus.follow(`${name}L`, ">", late.add);
      (await bus.pull(name, "c", late.add)).demand(10);
      await (await bus.bucket({ name })).watch((key) => late.add(key));
      const service = { name, version: "1.0.0", description: "" };
      const endpoints = [{ name: "e", subject: `${name}srv`, handler: late.add }];
      await bus.serve({ ...service, endpoints });
      await bus.close();

      const fence = new Collector<Message>();
      await other.subscribe(`${name}core`, fence.add);
      other.publish(`${name}core`, bytes(""));
      await other.append(`${name}.a`, bytes(""));
      await other.append(`${name}L.a`, bytes(""));
      await (await other.bucket({ name })).put("a", bytes(""));
      await expect(other.request(`${name}srv`, bytes(""), { timeoutMs: 2_000 })).rejects.toMatchObject({
        code: "no-responders",
      });
      await fence.atLeast(1);
      expect(late.items).toEqual([]);
    });

    test("may be done twice, and leaves other connections alone", async () => {
      const [bus, other] = [await connect(), await connect()];
      await bus.close();
      await bus.close();
      const subject = unique();
      await other.subscribe(subject, (message) => message.respond(bytes("")));
      await other.request(subject, bytes(""), { timeoutMs: 2_000 });
    });

    test("is also what await using does", async () => {
      const bus = await connect();
      await bus[Symbol.asyncDispose]();
      expect(() => bus.publish(unique(), bytes(""))).toThrow(expect.objectContaining(closed));
    });

    test("has every later call fail with closed, without unhandled rejections", async () => {
      const bus = await connect();
      const name = unique();
      await bus.ensureStream({ name, subjects: [`${name}.>`], retention: "work-queue" });
      await bus.ensureConsumer({ stream: name, name: "c", filter: ">", ackWaitMs: 1_000, maxAckPending: 10 });
      const bucket = await bus.bucket({ name });
      const got = new Collector<Delivery>();
      const puller = await bus.pull(name, "c", got.add);
      puller.demand(1);
      await bus.append(`${name}.a`, bytes(""));
      const [delivery] = (await got.atLeast(1)) as [Delivery];
      const subscription = await bus.subscribe(name, () => {});
      await bus.close();

      expect(() => bus.publish(name, bytes(""))).toThrow(expect.objectContaining(closed));
      for (const call of [
        () => bus.request(name, bytes(""), { timeoutMs: 1_000 }),
        () => bus.subscribe(name, () => {}),
        () => bus.append(`${name}.a`, bytes("")),
        () => bus.lastSequence(name),
        () => bus.follow(name, ">", () => {}),
        () => bus.pull(name, "c", () => {}),
        () => bus.bucket({ name }),
        () => bucket.get("a"),
        () => bucket.put("a", bytes("")),
      ])
        await expect(call()).rejects.toMatchObject(closed);
      delivery.ack();
      delivery.nak();
      delivery.inProgress();
      delivery.terminate();
      puller.demand(1);
      await puller.stop();
      await subscription.stop();
    });

    test("rejects a request in flight with closed", async () => {
      const bus = await connect();
      const subject = unique();
      await (await connect()).subscribe(subject, () => {});
      const request = bus.request(subject, bytes(""), { timeoutMs: 10_000 }).catch((error) => error);
      await bus.close();
      expect(await request).toMatchObject({ code: "closed" });
    });

    test("is told to listeners, unless they have unsubscribed", async () => {
      const bus = await connect();
      const [heard, unsubscribed] = [new Collector<BusEvent>(), new Collector<BusEvent>()];
      bus.onEvent(heard.add);
      bus.onEvent(unsubscribed.add)();
      await bus.close();
      await heard.atLeast(1);
      expect(heard.items.map((event) => event.type)).toEqual(["closed"]);
      expect(unsubscribed.items).toEqual([]);
    });
  });

  test("a bus says what it is and the largest message it takes", async () => {
    const bus = await connect();
    expect(bus.description).toMatch(/^(memory|nats:\/\/)/);
    expect(bus.maxPayload).toBeGreaterThanOrEqual(64 * 1024);
  });
}
