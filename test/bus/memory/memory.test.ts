import { describe, expect, test } from "vitest";
import { createMemoryBroker, createMemoryBus } from "../../../src/bus/memory/bus.ts";
import type { Faults } from "../../../src/bus/memory/faults.ts";
import type { Bus, Delivery, Message, StoredMessage } from "../../../src/bus/port.ts";
import { createVirtualClock } from "../../../src/core/virtual-clock.ts";
import { describeBusContract } from "../../contract/bus.ts";
import { bytes, text } from "../../contract/bytes.ts";

describeBusContract("the memory bus", async () => {
  const broker = createMemoryBroker();
  return { connect: async () => broker.connect() };
});

const HOUR_MS = 3_600_000;

/** A broker in virtual time with a work queue `Q` (`q.>`, consumer `c`) and a log `L` (`l.>`). */
async function openBroker(faults: Faults = {}, { ackWaitMs = HOUR_MS, maxAckPending = 1_000 } = {}) {
  const clock = createVirtualClock();
  const broker = createMemoryBroker({ clock, faults });
  const bus = broker.connect();
  const done = <T>(promise: Promise<T>) => clock.runUntilSettled(promise);
  await done(bus.ensureStream({ name: "Q", subjects: ["q.>"], retention: "work-queue", onePerSubject: true }));
  await done(bus.ensureStream({ name: "L", subjects: ["l.>"], retention: "limits", maxAgeMs: HOUR_MS }));
  await done(bus.ensureConsumer({ stream: "Q", name: "c", filter: "q.>", ackWaitMs, maxAckPending }));
  const pull = async (from: Bus, demand: number) => {
    const got: Delivery[] = [];
    const puller = await done(from.pull("Q", "c", (delivery) => got.push(delivery)));
    puller.demand(demand);
    return { got, puller };
  };
  return { clock, broker, bus, done, pull };
}

const outline = (deliveries: Delivery[]) => deliveries.map(({ subject, deliveries: nth }) => `${subject} ${nth}`);

describe("the memory bus in virtual time", () => {
  test("does nothing while the clock stands still", async () => {
    const { bus, clock } = await openBroker();
    const appended = bus.append("l.a", bytes(""));
    let settled = false;
    appended.then(() => (settled = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(settled).toBe(false);
    await clock.settle();
    expect(settled).toBe(true);
  });

  test("stamps messages with virtual time, and lets them expire in it", async () => {
    const { bus, clock, done } = await openBroker();
    await done(bus.append("l.a", bytes("")));
    expect(await done(bus.getMessage("L", 1))).toMatchObject({ timestamp: clock.now() });
    await clock.advance(HOUR_MS - 1);
    expect(await done(bus.getMessage("L", 1))).toBeDefined();
    await clock.advance(1);
    expect(await done(bus.getMessage("L", 1))).toBeUndefined();
  });

  test("delivers again exactly when the ack wait lapses, counted from the last sign of life", async () => {
    const { bus, clock, done, pull } = await openBroker({}, { ackWaitMs: 30_000 });
    const { got } = await pull(bus, 10);
    await done(bus.append("q.a", bytes("")));
    await clock.advance(20_000);
    got[0]?.inProgress();
    await clock.advance(29_999);
    expect(got).toHaveLength(1);
    await clock.advance(1);
    expect(outline(got)).toEqual(["q.a 1", "q.a 2"]);
  });

  test("waits as long as a nak says, to the millisecond", async () => {
    const { bus, clock, done, pull } = await openBroker();
    const { got } = await pull(bus, 10);
    await done(bus.append("q.a", bytes("")));
    got[0]?.nak(5_000);
    await clock.advance(4_999);
    expect(got).toHaveLength(1);
    await clock.advance(1);
    expect(outline(got)).toEqual(["q.a 1", "q.a 2"]);
  });

  test("needs one timer for any number of unsettled deliveries, and none once it is closed", async () => {
    const { bus, broker, clock, done, pull } = await openBroker();
    const { got } = await pull(bus, 1_000);
    const other = broker.connect();
    await done(Promise.all(Array.from({ length: 1_000 }, (_, i) => bus.append(`q.${i}`, bytes("")))));
    await clock.settle();
    expect(got).toHaveLength(1_000);
    expect(clock.pending).toBe(1);
    got[0]?.nak(50);
    const asked = other.request("q.x", bytes(""), { timeoutMs: 1_000 }).catch(() => {});
    await bus.close();
    await other.close();
    await asked;
    expect(clock.pending).toBe(0);
  });

  test("is the same every time for the same seed", async () => {
    const play = async () => {
      const clock = createVirtualClock({ seed: 5 });
      const faults: Faults = {
        delayMs: () => clock.random() * 10,
        drop: () => clock.random() < 0.1,
        duplicate: () => clock.random() < 0.1,
      };
      const bus = createMemoryBus({ clock, faults });
      const seen: string[] = [];
      const done = <T>(promise: Promise<T>) => clock.runUntilSettled(promise);
      await done(bus.ensureStream({ name: "Q", subjects: ["q.>"], retention: "work-queue" }));
      await done(bus.ensureConsumer({ stream: "Q", name: "c", filter: ">", ackWaitMs: 20, maxAckPending: 20 }));
      for (const name of ["one", "two"]) {
        const note = (message: Message | Delivery) => seen.push(`${clock.monotonic()} ${name} ${text(message.data)}`);
        await done(bus.subscribe("q.>", note, { queue: "g" }));
        const take = (delivery: Delivery) => {
          note(delivery);
          if (clock.random() < 0.5) delivery.ack();
          puller.demand(1);
        };
        const puller = await done(bus.pull("Q", "c", take));
        puller.demand(10);
      }
      for (let i = 0; i < 50; i++) void bus.append(`q.${i}`, bytes(`${i}`));
      await clock.advance(1_000);
      return seen;
    };
    const once = await play();
    expect(once.length).toBeGreaterThan(100);
    expect(await play()).toEqual(once);
  });
});

describe("crashing a connection", () => {
  test("leaves what it had pulled out until the ack wait lapses, whatever it still tries", async () => {
    const { broker, bus, clock, done, pull } = await openBroker({}, { ackWaitMs: 10_000 });
    const dying = broker.connect();
    const { got: lost } = await pull(dying, 2);
    await done(bus.append("q.a", bytes("")));
    await done(bus.append("q.b", bytes("")));
    await clock.settle();
    expect(outline(lost)).toEqual(["q.a 1", "q.b 1"]);
    broker.crash(dying);
    lost[0]?.ack();
    lost[1]?.nak();
    lost[1]?.terminate();
    const { got } = await pull(bus, 5);
    await clock.advance(9_000);
    expect(got).toEqual([]);
    await clock.advance(1_001);
    expect(outline(got)).toEqual(["q.a 2", "q.b 2"]);
  });

  test("loses deliveries that were on their way to it, until the ack wait lapses", async () => {
    const { broker, bus, clock, pull } = await openBroker({}, { ackWaitMs: 10_000 });
    const dying = broker.connect();
    const { got: lost } = await pull(dying, 1);
    void bus.append("q.a", bytes(""));
    broker.crash(dying);
    const { got } = await pull(bus, 1);
    await clock.advance(9_999);
    expect([lost.length, got.length]).toEqual([0, 0]);
    await clock.advance(1);
    expect(outline(got)).toEqual(["q.a 2"]);
  });

  test("of all processes loses nothing: who comes later gets what was out, and what was given back with a delay", async () => {
    const { broker, bus, clock, done, pull } = await openBroker({}, { ackWaitMs: 10_000 });
    const { got: lost } = await pull(bus, 2);
    await done(Promise.all([bus.append("q.a", bytes("")), bus.append("q.b", bytes(""))]));
    await clock.settle();
    lost[0]?.nak(60_000);
    broker.crash(bus);
    expect(clock.pending).toBe(0);
    const { got } = await pull(broker.connect(), 2);
    await clock.advance(10_000);
    expect(outline(got).sort()).toEqual(["q.a 2", "q.b 2"]);
  });

  test("rejects a write in flight as unconfirmed although it was stored, and a read as closed", async () => {
    const { broker, bus, done } = await openBroker();
    const dying = broker.connect();
    const outcomes = Promise.allSettled([dying.append("l.a", bytes("")), dying.lastSequence("L")]);
    broker.crash(dying);
    expect((await outcomes).map((outcome) => (outcome as PromiseRejectedResult).reason.code)).toEqual([
      "unconfirmed",
      "closed",
    ]);
    expect(await done(bus.lastSequence("L"))).toBe(1);
  });

  test("silences its handlers at once, is told as an error, and spares the others", async () => {
    const { broker, bus, clock, done } = await openBroker();
    const dying = broker.connect();
    const heard: string[] = [];
    await done(dying.subscribe("x", () => heard.push("dying core")));
    await done(dying.follow("L", ">", () => heard.push("dying follower")));
    await done(bus.subscribe("x", () => heard.push("core")));
    await done(bus.follow("L", ">", () => heard.push("follower")));
    dying.onEvent((event) => heard.push(`${event.type} ${event.type === "closed" && event.error?.name}`));
    bus.publish("x", bytes(""));
    void bus.append("l.a", bytes(""));
    broker.crash(dying);
    await clock.settle();
    expect(heard).toEqual(["closed BusError", "core", "follower"]);
  });
});

describe("faults", () => {
  test("a lost acknowledgement is unconfirmed after the timeout, and the message is stored", async () => {
    const { bus, clock, done } = await openBroker({ append: () => "lose-acknowledgement" });
    const before = clock.monotonic();
    await expect(done(bus.append("q.a", bytes("")))).rejects.toMatchObject({ code: "unconfirmed" });
    expect(clock.monotonic() - before).toBe(5_000);
    expect(await done(bus.listSubjects("Q", ">"))).toEqual(["q.a"]);
  });

  test("a lost message is unconfirmed, too, and not stored", async () => {
    const { bus, done } = await openBroker({ append: () => "lose-message" });
    await expect(done(bus.append("q.a", bytes("")))).rejects.toMatchObject({ code: "unconfirmed" });
    expect(await done(bus.listSubjects("Q", ">"))).toEqual([]);
  });

  test("a lost acknowledgement does not outlive its connection", async () => {
    const { bus, clock } = await openBroker({ append: () => "lose-acknowledgement" });
    const append = bus.append("q.a", bytes("")).catch((error) => error);
    await bus.close();
    expect(await append).toMatchObject({ code: "unconfirmed" });
    expect(clock.pending).toBe(0);
  });

  test("a duplicate is delivered with its number, and both may be acknowledged", async () => {
    let once = true;
    const duplicate = () => {
      const first = once;
      once = false;
      return first;
    };
    const { bus, clock, done, pull } = await openBroker({ duplicate });
    const { got } = await pull(bus, 3);
    await done(bus.append("q.a", bytes("")));
    await clock.settle();
    expect(outline(got)).toEqual(["q.a 1", "q.a 2"]);
    for (const delivery of got) delivery.ack();
    expect(await done(bus.listSubjects("Q", ">"))).toEqual([]);
  });

  test("dropped core messages are gone; requests then time out", async () => {
    const { bus, clock, done } = await openBroker({ drop: (subject) => subject === "lossy" });
    const heard: string[] = [];
    await done(bus.subscribe("*", (message) => heard.push(message.subject)));
    bus.publish("lossy", bytes(""));
    bus.publish("sound", bytes(""));
    await clock.settle();
    expect(heard).toEqual(["sound"]);
    await expect(done(bus.request("lossy", bytes(""), { timeoutMs: 100 }))).rejects.toMatchObject({ code: "timeout" });
  });

  test("delays reorder between receivers, never within one", async () => {
    const { bus, clock, done } = await openBroker({
      delayMs: ({ kind, name }) => (kind === "follower" && name === "l.slow" ? 50 : 0),
    });
    const seen: string[] = [];
    const note = (message: StoredMessage) => seen.push(`${message.subject} ${message.sequence} @${clock.monotonic()}`);
    await done(bus.follow("L", "l.slow", note));
    await done(bus.follow("L", "l.fast", note));
    for (const subject of ["l.slow", "l.fast", "l.slow", "l.fast"]) void bus.append(subject, bytes(""));
    await clock.advance(100);
    expect(seen).toEqual(["l.fast 2 @0", "l.fast 4 @0", "l.slow 1 @50", "l.slow 3 @50"]);
  });
});
