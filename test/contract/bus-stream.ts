import { describe, expect, test } from "vitest";
import { header, type Message, type StreamDefinition } from "../../src/bus/port.ts";
import { bytes, text } from "./bytes.ts";
import type { Contract } from "./contract.ts";
import { Collector, eventually } from "./wait.ts";

export function streamContract({ connect, unique }: Contract): void {
  const openStream = async (definition: Partial<StreamDefinition> = {}) => {
    const bus = await connect();
    const name = unique();
    await bus.ensureStream({ name, subjects: [`${name}.>`], retention: "limits", ...definition });
    return { bus, name };
  };

  describe("a stream", () => {
    test("numbers what is appended from 1", async () => {
      const { bus, name } = await openStream();
      expect(await bus.append(`${name}.a`, bytes("1"))).toMatchObject({ sequence: 1 });
      expect(await bus.append(`${name}.b`, bytes("2"))).toMatchObject({ sequence: 2 });
    });

    test("keeps subject, data, headers and the time of storing", async () => {
      const { bus, name } = await openStream();
      const before = Date.now();
      await bus.append(`${name}.a`, bytes("data"), { headers: { traceparent: "00-ab" } });
      const message = await bus.getMessage(name, 1);
      expect(message).toMatchObject({ subject: `${name}.a`, sequence: 1 });
      expect(text(message?.data)).toBe("data");
      expect(header(message ?? {}, "Traceparent")).toBe("00-ab");
      expect(message?.timestamp).toBeGreaterThanOrEqual(before - 1_000);
      expect(message?.timestamp).toBeLessThanOrEqual(Date.now() + 1_000);
    });

    test("stores what one caller appends without awaiting in that order", async () => {
      const { bus, name } = await openStream();
      const appended = await Promise.all(Array.from({ length: 500 }, (_, i) => bus.append(`${name}.a`, bytes(`${i}`))));
      expect(appended.map(({ sequence }) => sequence)).toEqual(appended.map((_, i) => i + 1));
      expect(text((await bus.getMessage(name, 500))?.data)).toBe("499");
    });

    test("is found by a subject or a filter that it takes, whichever connection has made it", async () => {
      const { name } = await openStream();
      const bus = await connect();
      expect(await bus.findStreams(`${name}.a`)).toEqual([name]);
      expect(await bus.findStreams(`${name}.*.b`)).toEqual([name]);
      expect(await bus.findStreams(`${name}-other.a`)).toEqual([]);
    });

    test("takes an empty message", async () => {
      const { bus, name } = await openStream();
      await bus.append(`${name}.a`, new Uint8Array());
      expect((await bus.getMessage(name, 1))?.data).toHaveLength(0);
    });

    test("also takes what is published without asking for an acknowledgement, and subscribers hear what is appended", async () => {
      const { bus, name } = await openStream();
      const heard = new Collector<Message>();
      await bus.subscribe(`${name}.>`, heard.add);
      bus.publish(`${name}.a`, bytes("published"));
      await bus.append(`${name}.a`, bytes("appended"));
      expect(text((await bus.getMessage(name, 1))?.data)).toBe("published");
      expect((await heard.atLeast(2)).map((message) => text(message.data))).toEqual(["published", "appended"]);
    });

    test("may be ensured again, by many at once, and be changed", async () => {
      const buses = await Promise.all([connect(), connect(), connect()]);
      const name = unique();
      const definition = { name, subjects: [`${name}.a`], retention: "limits", maxMessages: 5 } as const;
      await Promise.all(buses.map((bus) => bus.ensureStream(definition)));
      const [bus] = buses;
      await bus.append(`${name}.a`, bytes("kept"));
      await bus.ensureStream({ ...definition, subjects: [`${name}.a`, `${name}.b`], maxMessages: 2 });
      await bus.append(`${name}.b`, bytes("2"));
      await expect(bus.append(`${name}.a`, bytes("3"))).rejects.toMatchObject({ code: "full" });
      expect(text((await bus.getMessage(name, 1))?.data)).toBe("kept");
    });

    test("keeps the limits it has where those of the definition are mere defaults", async () => {
      const { bus, name } = await openStream({ maxMessages: 2 });
      const defaults = {
        name,
        subjects: [`${name}.>`],
        retention: "limits",
        keep: ["maxMessages", "maxBytes"],
      } as const;
      await bus.ensureStream({ ...defaults, maxMessages: 100, maxBytes: 5000 });
      expect(await bus.streamState(name)).toMatchObject({ maxMessages: 2, maxBytes: 5000 });
      await bus.ensureStream({ ...defaults, maxMessages: 200, maxBytes: 6000 });
      expect(await bus.streamState(name)).toMatchObject({ maxMessages: 2, maxBytes: 5000 });
      await bus.ensureStream({ ...defaults, maxMessages: 3, keep: ["maxBytes"] });
      expect(await bus.streamState(name)).toMatchObject({ maxMessages: 3, maxBytes: 5000 });
    });

    test("tells what it holds, and what it may hold", async () => {
      const { bus, name } = await openStream({ maxMessages: 10 });
      expect(await bus.streamState(name)).toEqual({ messages: 0, bytes: 0, maxMessages: 10 });
      await bus.append(`${name}.a`, new Uint8Array(1000));
      await bus.append(`${name}.b`, new Uint8Array(1000));
      const two = await bus.streamState(name);
      expect(two).toMatchObject({ messages: 2, maxMessages: 10 });
      expect(two.bytes).toBeGreaterThan(2000);
      await bus.removeSubject(name, `${name}.a`);
      const one = await bus.streamState(name);
      expect(one.messages).toBe(1);
      expect(one.bytes).toBeLessThan(two.bytes);
    });

    test("may come to let the oldest go where it refused before", async () => {
      const { bus, name } = await openStream({ maxMessages: 1 });
      await bus.append(`${name}.a`, bytes("1"));
      const definition = { name, subjects: [`${name}.>`], retention: "limits", maxMessages: 1 } as const;
      await bus.ensureStream({ ...definition, whenFull: "drop-oldest" });
      expect(await bus.append(`${name}.a`, bytes("2"))).toMatchObject({ sequence: 2 });
    });

    test("answers a request to one of its subjects with its acknowledgement", async () => {
      const { bus, name } = await openStream();
      const answer = await bus.request(`${name}.a`, bytes("x"), { timeoutMs: 2_000 });
      expect(JSON.parse(text(answer.data) ?? "")).toMatchObject({ stream: name, seq: 1 });
      expect(text((await bus.getMessage(name, 1))?.data)).toBe("x");
    });

    test("refuses subjects that another stream has", async () => {
      const { bus, name } = await openStream();
      await expect(
        bus.ensureStream({ name: unique(), subjects: [`${name}.a.*`], retention: "limits" }),
      ).rejects.toMatchObject({ name: "BusError", code: "failed" });
    });

    test("that does not exist is no-stream, for an append and for a reader", async () => {
      const bus = await connect();
      const name = unique();
      const refused = { name: "BusError", code: "no-stream" };
      await expect(bus.append(`${name}.a`, bytes(""))).rejects.toMatchObject(refused);
      await expect(bus.streamState(name)).rejects.toMatchObject(refused);
      await expect(bus.lastSequence(name)).rejects.toMatchObject(refused);
      await expect(bus.getMessage(name, 1)).rejects.toMatchObject(refused);
      await expect(bus.getLastMessage(name, ">")).rejects.toMatchObject(refused);
      await expect(bus.listSubjects(name, ">")).rejects.toMatchObject(refused);
      await expect(bus.removeSubject(name, "a")).rejects.toMatchObject(refused);
      await expect(bus.follow(name, ">", () => {})).rejects.toMatchObject(refused);
      const consumer = { stream: name, name: "c", filter: ">", ackWaitMs: 1_000, maxAckPending: 1 };
      await expect(bus.ensureConsumer(consumer)).rejects.toMatchObject(refused);
    });

    test("refuses a message over maxPayload, headers included, with too-large", async () => {
      const { bus, name } = await openStream();
      const largest = new Uint8Array(bus.maxPayload);
      await bus.append(`${name}.a`, largest);
      const tooLarge = { code: "too-large" };
      await expect(bus.append(`${name}.a`, new Uint8Array(bus.maxPayload + 1))).rejects.toMatchObject(tooLarge);
      await expect(bus.append(`${name}.a`, largest, { headers: { a: "b" } })).rejects.toMatchObject(tooLarge);
      expect(await bus.lastSequence(name)).toBe(1);
    });

    test("that is full refuses by default", async () => {
      const { bus, name } = await openStream({ maxMessages: 2 });
      await bus.append(`${name}.a`, bytes("1"));
      await bus.append(`${name}.a`, bytes("2"));
      await expect(bus.append(`${name}.a`, bytes("3"))).rejects.toMatchObject({ code: "full" });
      await bus.removeSubject(name, `${name}.a`);
      expect(await bus.append(`${name}.a`, bytes("4"))).toMatchObject({ sequence: 3 });
    });

    test("is also full by bytes", async () => {
      const { bus, name } = await openStream({ maxBytes: 10_000 });
      for (let i = 0; i < 3; i++) await bus.append(`${name}.a`, new Uint8Array(3_000));
      await expect(bus.append(`${name}.a`, new Uint8Array(3_000))).rejects.toMatchObject({ code: "full" });
    });

    test("that is full lets the oldest go where it is defined so", async () => {
      const { bus, name } = await openStream({ maxMessages: 2, whenFull: "drop-oldest" });
      for (let i = 1; i <= 3; i++) expect(await bus.append(`${name}.a`, bytes(`${i}`))).toMatchObject({ sequence: i });
      expect(await bus.getMessage(name, 1)).toBeUndefined();
      expect(text((await bus.getMessage(name, 2))?.data)).toBe("2");
    });

    test("lets go of what is older than maxAgeMs", async () => {
      const { bus, name } = await openStream({ maxAgeMs: 500 });
      await bus.append(`${name}.a`, bytes("1"));
      expect(await bus.getMessage(name, 1)).toBeDefined();
      await eventually("expiry", async () => (await bus.getMessage(name, 1)) === undefined);
      expect(await bus.listSubjects(name, ">")).toEqual([]);
      expect(await bus.append(`${name}.a`, bytes("2"))).toMatchObject({ sequence: 2 });
    });
  });

  describe("expectLastSubjectSequence", () => {
    test("0 stores only the first message of a subject", async () => {
      const { bus, name } = await openStream();
      const first = { expectLastSubjectSequence: 0 };
      await bus.append(`${name}.other`, bytes(""));
      await bus.append(`${name}.a`, bytes("1"), first);
      await expect(bus.append(`${name}.a`, bytes("2"), first)).rejects.toMatchObject({ code: "wrong-sequence" });
      await bus.append(`${name}.b`, bytes("3"), first);
      expect(await bus.lastSequence(name)).toBe(3);
    });

    test("n stores only after message n of that very subject", async () => {
      const { bus, name } = await openStream();
      const { sequence } = await bus.append(`${name}.a`, bytes("1"));
      await bus.append(`${name}.b`, bytes("2"));
      const appended = await bus.append(`${name}.a`, bytes("3"), { expectLastSubjectSequence: sequence });
      expect(appended.sequence).toBe(3);
      for (const wrong of [sequence, 2, 99])
        await expect(bus.append(`${name}.a`, bytes("4"), { expectLastSubjectSequence: wrong })).rejects.toMatchObject({
          code: "wrong-sequence",
        });
    });

    test("lets exactly one of many racers win", async () => {
      const { bus, name } = await openStream();
      const buses = [bus, await connect(), await connect()];
      const race = await Promise.allSettled(
        Array.from({ length: 60 }, (_, i) =>
          (buses[i % 3] ?? bus).append(`${name}.a`, bytes(`${i}`), { expectLastSubjectSequence: 0 }),
        ),
      );
      expect(race.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      expect(await bus.lastSequence(name)).toBe(1);
    });
  });

  describe("onePerSubject", () => {
    test("refuses a second message of a subject with subject-taken, and stores nothing", async () => {
      const { bus, name } = await openStream({ onePerSubject: true });
      await bus.append(`${name}.a`, bytes("1"));
      await expect(bus.append(`${name}.a`, bytes("2"))).rejects.toMatchObject({
        name: "BusError",
        code: "subject-taken",
      });
      await bus.append(`${name}.b`, bytes("3"));
      expect(await bus.lastSequence(name)).toBe(2);
      expect(text((await bus.getLastMessage(name, `${name}.a`))?.data)).toBe("1");
    });

    test("accepts the subject again once its message was removed", async () => {
      const { bus, name } = await openStream({ onePerSubject: true });
      await bus.append(`${name}.a`, bytes("1"));
      expect(await bus.removeSubject(name, `${name}.a`)).toBe(1);
      expect(await bus.append(`${name}.a`, bytes("2"))).toMatchObject({ sequence: 2 });
    });

    test("lets exactly one of many racers win", async () => {
      const { bus, name } = await openStream({ onePerSubject: true, retention: "work-queue" });
      const buses = [bus, await connect(), await connect()];
      const race = await Promise.allSettled(
        Array.from({ length: 90 }, (_, i) => (buses[i % 3] ?? bus).append(`${name}.a`, bytes(`${i}`))),
      );
      const lost = race.flatMap((result) => (result.status === "rejected" ? result.reason.code : []));
      expect(lost).toEqual(Array(89).fill("subject-taken"));
    });
  });

  describe("looking into a stream", () => {
    const filled = async () => {
      const stream = await openStream();
      for (const subject of ["a.1", "b.1", "a.2", "a.1"])
        await stream.bus.append(`${stream.name}.${subject}`, bytes(subject));
      return stream;
    };

    test("lastSequence is that of the whole stream, or of what matches; 0 for none", async () => {
      const { bus, name } = await filled();
      expect(await bus.lastSequence(name)).toBe(4);
      expect(await bus.lastSequence(name, `${name}.b.*`)).toBe(2);
      expect(await bus.lastSequence(name, `${name}.a.2`)).toBe(3);
      expect(await bus.lastSequence(name, `${name}.a.>`)).toBe(4);
      expect(await bus.lastSequence(name, `${name}.c`)).toBe(0);
      expect(await bus.lastSequence((await openStream()).name)).toBe(0);
    });

    test("getMessage finds by sequence what is still there", async () => {
      const { bus, name } = await filled();
      expect(await bus.getMessage(name, 2)).toMatchObject({ sequence: 2, subject: `${name}.b.1` });
      expect(await bus.getMessage(name, 5)).toBeUndefined();
      await bus.removeSubject(name, `${name}.b.1`);
      expect(await bus.getMessage(name, 2)).toBeUndefined();
    });

    test("getLastMessage finds the last of a subject or filter", async () => {
      const { bus, name } = await filled();
      expect(await bus.getLastMessage(name, `${name}.a.1`)).toMatchObject({ sequence: 4 });
      expect(await bus.getLastMessage(name, `${name}.a.2`)).toMatchObject({ sequence: 3 });
      expect(await bus.getLastMessage(name, `${name}.*.1`)).toMatchObject({ sequence: 4 });
      expect(await bus.getLastMessage(name, `${name}.b.>`)).toMatchObject({ sequence: 2, subject: `${name}.b.1` });
      expect(await bus.getLastMessage(name, `${name}.c`)).toBeUndefined();
      expect(await bus.getLastMessage(name, `${name}.c.>`)).toBeUndefined();
    });

    test("listSubjects names each subject that has a message once", async () => {
      const { bus, name } = await filled();
      expect((await bus.listSubjects(name, `${name}.>`)).sort()).toEqual([`${name}.a.1`, `${name}.a.2`, `${name}.b.1`]);
      expect((await bus.listSubjects(name, `${name}.a.*`)).sort()).toEqual([`${name}.a.1`, `${name}.a.2`]);
      expect(await bus.listSubjects(name, `${name}.c.>`)).toEqual([]);
    });

    test("removeSubject removes all of exactly that subject and says how many", async () => {
      const { bus, name } = await filled();
      expect(await bus.removeSubject(name, `${name}.a.1`)).toBe(2);
      expect(await bus.removeSubject(name, `${name}.a.1`)).toBe(0);
      expect((await bus.listSubjects(name, `${name}.>`)).sort()).toEqual([`${name}.a.2`, `${name}.b.1`]);
      expect(await bus.lastSequence(name)).toBe(4);
    });

    test("listSubjects copes with many subjects", async () => {
      const { bus, name } = await openStream();
      await Promise.all(Array.from({ length: 2_000 }, (_, i) => bus.append(`${name}.s.${i}`, bytes(""))));
      expect(new Set(await bus.listSubjects(name, `${name}.s.*`)).size).toBe(2_000);
    });
  });
}
