import { describe, expect, test } from "vitest";
import { type Bus, header, type Message } from "../../src/bus/port.ts";
import { bytes, text } from "./bytes.ts";
import type { Contract } from "./contract.ts";
import { Collector, eventually } from "./wait.ts";

export function coreContract({ connect, unique }: Contract): void {
  describe("messages that are not stored", () => {
    test("reach a subscriber on another connection, in order, with the subject they were sent to", async () => {
      const [sender, receiver] = [await connect(), await connect()];
      const subject = unique();
      const got = new Collector<Message>();
      await receiver.subscribe(subject, got.add);
      for (let i = 0; i < 100; i++) sender.publish(subject, bytes(`${i}`));
      const messages = await got.atLeast(100);
      expect(messages.map((message) => text(message.data))).toEqual(Array.from({ length: 100 }, (_, i) => `${i}`));
      expect(new Set(messages.map((message) => message.subject))).toEqual(new Set([subject]));
    });

    test("are never delivered within the call that sends them", async () => {
      const bus = await connect();
      const subject = unique();
      const got = new Collector<Message>();
      await bus.subscribe(subject, got.add);
      bus.publish(subject, bytes("x"));
      expect(got.items).toHaveLength(0);
      await got.atLeast(1);
    });

    test("come back to the connection that sent them when it subscribes", async () => {
      const bus = await connect();
      const subject = unique();
      const got = new Collector<Message>();
      await bus.subscribe(subject, got.add);
      bus.publish(subject, new Uint8Array());
      const [message] = await got.atLeast(1);
      expect(message?.data).toHaveLength(0);
    });

    test.each([
      ["a.b.c", ["a.b.c"]],
      ["a.*.c", ["a.b.c", "a.x.c"]],
      ["a.b.*", ["a.b.c", "a.b.x"]],
      ["a.>", ["a.b", "a.b.c", "a.b.x", "a.x.c"]],
      ["a.*.>", ["a.b.c", "a.b.x", "a.x.c"]],
      ["*.b", ["a.b"]],
    ])("match the filter %s as NATS has it", async (filter, expected) => {
      const bus = await connect();
      const root = unique();
      const got = new Collector<Message>();
      await bus.subscribe(`${root}.${filter}`, got.add);
      const end = new Collector<Message>();
      await bus.subscribe(`${root}end`, end.add);
      for (const subject of ["a", "a.b", "a.b.c", "a.b.x", "a.x.c", "b.b.c.d"])
        bus.publish(`${root}.${subject}`, bytes(""));
      bus.publish(`${root}end`, bytes(""));
      await got.atLeast(expected.length);
      await end.atLeast(1);
      expect(got.items.map((message) => message.subject.slice(root.length + 1)).sort()).toEqual([...expected].sort());
    });

    test("carry headers, looked up without regard to case", async () => {
      const bus = await connect();
      const subject = unique();
      const got = new Collector<Message>();
      await bus.subscribe(subject, got.add);
      bus.publish(subject, bytes("x"), { "Tutti-Run": "r1", traceparent: "00-ab" });
      const [message] = (await got.atLeast(1)) as [Message];
      expect(header(message, "Tutti-Run")).toBe("r1");
      expect(header(message, "tutti-run")).toBe("r1");
      expect(header(message, "Traceparent")).toBe("00-ab");
      expect(header(message, "absent")).toBeUndefined();
    });

    test("go to every plain subscriber, and to one of each queue group", async () => {
      const sender = await connect();
      const subject = unique();
      const plain = new Collector<Message>();
      const [one, two, other] = [new Collector<Message>(), new Collector<Message>(), new Collector<Message>()];
      await (await connect()).subscribe(subject, plain.add);
      await (await connect()).subscribe(subject, one.add, { queue: "g" });
      await (await connect()).subscribe(subject, two.add, { queue: "g" });
      await (await connect()).subscribe(subject, other.add, { queue: "h" });
      for (let i = 0; i < 200; i++) sender.publish(subject, bytes(`${i}`));
      await plain.atLeast(200);
      await other.atLeast(200);
      await eventually("200 in the group", () => one.items.length + two.items.length >= 200);
      expect(one.items.length + two.items.length).toBe(200);
      expect(one.items.length).toBeGreaterThan(0);
      expect(two.items.length).toBeGreaterThan(0);
    });

    test("do not reach a handler after stop(), which may be called twice", async () => {
      const bus = await connect();
      const subject = unique();
      const [stopped, going] = [new Collector<Message>(), new Collector<Message>()];
      const subscription = await bus.subscribe(subject, stopped.add);
      await bus.subscribe(subject, going.add);
      bus.publish(subject, bytes("1"));
      await stopped.atLeast(1);
      await subscription.stop();
      await subscription.stop();
      bus.publish(subject, bytes("2"));
      await going.atLeast(2);
      expect(stopped.items).toHaveLength(1);
    });

    test("of exactly maxPayload pass; larger ones, headers included, are thrown back as too-large", async () => {
      const bus = await connect();
      const subject = unique();
      const got = new Collector<Message>();
      await bus.subscribe(subject, got.add);
      const largest = new Uint8Array(bus.maxPayload).fill(7);
      bus.publish(subject, largest);
      expect(() => bus.publish(subject, new Uint8Array(bus.maxPayload + 1))).toThrow(
        expect.objectContaining({ name: "BusError", code: "too-large" }),
      );
      expect(() => bus.publish(subject, largest, { a: "b" })).toThrow(expect.objectContaining({ code: "too-large" }));
      const [message] = await got.atLeast(1);
      expect(message?.data).toHaveLength(bus.maxPayload);
    });
  });

  describe("requests", () => {
    test("resolve with the answer, its data and headers", async () => {
      const [client, server] = [await connect(), await connect()];
      const subject = unique();
      await server.subscribe(`${subject}.*`, (message) =>
        message.respond(bytes(`${text(message.data)}!${header(message, "A")}`), { B: "2" }),
      );
      const answer = await client.request(`${subject}.x`, bytes("hi"), { timeoutMs: 2_000, headers: { A: "1" } });
      expect(text(answer.data)).toBe("hi!1");
      expect(header(answer, "b")).toBe("2");
      answer.respond(bytes("harmless"));
    });

    test("find their own answers among many in flight", async () => {
      const [client, server] = [await connect(), await connect()];
      const subject = unique();
      await server.subscribe(subject, (message) => message.respond(message.data));
      const asked = Array.from({ length: 200 }, (_, i) => `${i}`);
      const answers = await Promise.all(asked.map((i) => client.request(subject, bytes(i), { timeoutMs: 5_000 })));
      expect(answers.map((answer) => text(answer.data))).toEqual(asked);
    });

    test("take the first of several answers", async () => {
      const bus = await connect();
      const subject = unique();
      await bus.subscribe(subject, (message) => {
        message.respond(bytes("first"));
        message.respond(bytes("second"));
      });
      expect(text((await bus.request(subject, bytes(""), { timeoutMs: 2_000 })).data)).toBe("first");
    });

    test("reject with no-responders when nobody subscribes", async () => {
      const bus = await connect();
      await expect(bus.request(unique(), bytes(""), { timeoutMs: 2_000 })).rejects.toMatchObject({
        name: "BusError",
        code: "no-responders",
      });
    });

    test("reject with timeout when nobody answers in time", async () => {
      const bus = await connect();
      const subject = unique();
      await bus.subscribe(subject, () => {});
      await expect(bus.request(subject, bytes(""), { timeoutMs: 100 })).rejects.toMatchObject({ code: "timeout" });
    });

    test("reject with too-large", async () => {
      const bus = await connect();
      const data = new Uint8Array(bus.maxPayload + 1);
      await expect(bus.request(unique(), data, { timeoutMs: 100 })).rejects.toMatchObject({ code: "too-large" });
    });

    test("respond() to a message that is no request does nothing", async () => {
      const bus = await connect();
      const subject = unique();
      const got = new Collector<Message>();
      await bus.subscribe(subject, got.add);
      bus.publish(subject, bytes("x"));
      const [message] = (await got.atLeast(1)) as [Message];
      expect(() => message.respond(bytes("y"))).not.toThrow();
    });
  });

  describe("services", () => {
    const serveEcho = (bus: Bus, name: string, answer: string) =>
      bus.serve({
        name,
        version: "1.2.3",
        description: "says who it is",
        endpoints: [
          { name: "who", subject: `${name}.who`, handler: (message) => message.respond(bytes(answer)) },
          { name: "any", subject: `${name}.any.>`, handler: (message) => message.respond(bytes(message.subject)) },
        ],
      });

    test("answer on each endpoint, and share the requests among instances", async () => {
      const client = await connect();
      const name = unique();
      await serveEcho(await connect(), name, "one");
      await serveEcho(await connect(), name, "two");
      const asked = Array.from({ length: 60 }, () => client.request(`${name}.who`, bytes(""), { timeoutMs: 2_000 }));
      const answers = new Set((await Promise.all(asked)).map((answer) => text(answer.data)));
      expect(answers).toEqual(new Set(["one", "two"]));
      const any = await client.request(`${name}.any.x.y`, bytes(""), { timeoutMs: 2_000 });
      expect(text(any.data)).toBe(`${name}.any.x.y`);
    });

    test("can be discovered as ADR-32 has it", async () => {
      const bus = await connect();
      const name = unique();
      await serveEcho(bus, name, "one");
      const ask = async (verb: string) =>
        JSON.parse(text((await bus.request(`$SRV.${verb}.${name}`, bytes(""), { timeoutMs: 2_000 })).data) ?? "");
      expect(await ask("PING")).toMatchObject({ type: "io.nats.micro.v1.ping_response", name, version: "1.2.3" });
      const info = await ask("INFO");
      expect(info).toMatchObject({ type: "io.nats.micro.v1.info_response", name, description: "says who it is" });
      expect(
        info.endpoints.map((endpoint: { name: string; subject: string }) => [endpoint.name, endpoint.subject]),
      ).toEqual([
        ["who", `${name}.who`],
        ["any", `${name}.any.>`],
      ]);
    });

    test("end with stop()", async () => {
      const bus = await connect();
      const name = unique();
      const service = await serveEcho(bus, name, "one");
      await service.stop();
      await service.stop();
      await expect(bus.request(`${name}.who`, bytes(""), { timeoutMs: 2_000 })).rejects.toMatchObject({
        code: "no-responders",
      });
    });
  });
}
