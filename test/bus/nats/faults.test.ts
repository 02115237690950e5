import { randomBytes } from "node:crypto";
import { Kvm } from "@nats-io/kv";
import { Objm } from "@nats-io/obj";
import { connect as connectPlain } from "@nats-io/transport-node";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { BusEvent } from "../../../src/bus/bus-event.ts";
import { connectNats, type NatsOptions, readNatsOptions } from "../../../src/bus/nats/bus.ts";
import { parseAckSubject } from "../../../src/bus/nats/message.ts";
import { type Bus, type Delivery, isBusError } from "../../../src/bus/port.ts";
import { type Clock, systemClock } from "../../../src/core/clock.ts";
import { bytes, text } from "../../contract/bytes.ts";
import { Collector, eventually, removal } from "../../contract/wait.ts";
import { makeCertificates } from "../../support/certificates.ts";
import { type NatsServer, startNatsServer } from "../../support/nats-server.ts";
import { startProxy } from "../../support/proxy.ts";

const opened: { close(): Promise<void> }[] = [];
const unique = () => `f${randomBytes(6).toString("hex")}`;

async function open(options: Partial<NatsOptions> & { servers: string }): Promise<Bus> {
  const bus = await connectNats(options);
  opened.push(bus);
  return bus;
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((bus) => bus.close()));
});

/** Ten times as fast as the real one. */
const hastyClock: Clock = {
  ...systemClock,
  monotonic: () => 10 * systemClock.monotonic(),
  timer: (delayMs, run) => systemClock.timer(delayMs / 10, run),
};

function nextEvent(bus: Bus, type: BusEvent["type"]): Promise<BusEvent> {
  return new Promise((resolve) => {
    const off = bus.onEvent((event) => {
      if (event.type !== type) return;
      off();
      resolve(event);
    });
  });
}

/** Repeats an append until it is confirmed, as every caller of the port must be able to. */
async function appendSurely(bus: Bus, subject: string, data: Uint8Array): Promise<void> {
  for (;;) {
    try {
      await bus.append(subject, data, { expectLastSubjectSequence: 0 });
      return;
    } catch (error) {
      if (isBusError(error, "wrong-sequence")) return; // the unconfirmed attempt was stored
      if (!isBusError(error, "unconfirmed")) throw error;
    }
  }
}

describe("a server that goes away and comes back", () => {
  let server: NatsServer;
  beforeAll(async () => {
    server = await startNatsServer();
  });
  afterAll(() => server.stop());

  test.each(["orderly", "kill -9"])(
    "loses nothing that was appended and repeats nothing to a follower (%s)",
    async (how) => {
      const [writer, reader] = [await open({ servers: server.url }), await open({ servers: server.url })];
      const name = unique();
      await writer.ensureStream({ name, subjects: [`${name}.>`], retention: "limits" });
      const seen: string[] = [];
      await reader.follow(name, ">", (message) => void seen.push(message.subject));
      let unconfirmed = 0;
      let sent = 0;
      let stop = false;
      const writing = (async () => {
        while (!stop) {
          const round = Array.from({ length: 100 }, () => `${name}.${sent++}`);
          await Promise.all(
            round.map(async (subject) => {
              await writer.append(subject, bytes("x"), { expectLastSubjectSequence: 0 }).catch((error) => {
                if (!isBusError(error, "unconfirmed")) throw error;
                unconfirmed++;
                return appendSurely(writer, subject, bytes("x"));
              });
            }),
          );
        }
      })();
      await eventually("some messages", () => seen.length > 500);
      const back = Promise.all([nextEvent(writer, "reconnected"), nextEvent(reader, "reconnected")]);
      if (how === "kill -9") await server.kill9();
      await server.restart();
      await back;
      const before = seen.length;
      await eventually("messages after the restart", () => seen.length > before + 500, 15_000);
      stop = true;
      await writing;
      await eventually(`all ${sent} messages`, () => seen.length >= sent);
      expect(seen.length).toBe(sent);
      expect(new Set(seen).size).toBe(sent);
      expect(await reader.lastSequence(name)).toBe(sent);
      expect(unconfirmed).toBeGreaterThan(0);
    },
  );

  test("leaves a puller with its demand, and every message is settled", async () => {
    const [writer, worker] = [await open({ servers: server.url }), await open({ servers: server.url })];
    const name = unique();
    await writer.ensureStream({ name, subjects: [`${name}.>`], retention: "work-queue", onePerSubject: true });
    await writer.ensureConsumer({ stream: name, name: "c", filter: `${name}.>`, ackWaitMs: 2000, maxAckPending: 1000 });
    const done = new Set<string>();
    const puller = await worker.pull(name, "c", (delivery) => {
      done.add(delivery.subject);
      delivery.ack();
      puller.demand(1);
    });
    puller.demand(50);
    for (let i = 0; i < 500; i++) writer.append(`${name}.a${i}`, bytes("x")).catch(() => {});
    await eventually("some work", () => done.size > 100);
    const back = Promise.all([nextEvent(worker, "reconnected"), nextEvent(writer, "reconnected")]);
    await server.kill9();
    await server.restart();
    await back;
    await Promise.all(Array.from({ length: 500 }, (_, i) => appendSurely(writer, `${name}.b${i}`, bytes("x"))));
    await eventually(
      "all work",
      () => Array.from({ length: 500 }, (_, i) => `${name}.b${i}`).every((s) => done.has(s)),
      60_000,
    );
    // A server that is killed may keep an ack and not the removal: then the message stays, and is delivered to nobody.
    const isOver = async () => (await writer.listSubjects(name, ">")).every((subject) => done.has(subject));
    await eventually("nothing on the queue that was not done", isOver, 10_000);
    expect(puller.outstanding).toBe(50);
  });

  test("makes calls wait that are made meanwhile", async () => {
    const bus = await open({ servers: server.url });
    const name = unique();
    await bus.ensureStream({ name, subjects: [`${name}.>`], retention: "limits" });
    const bucket = await bus.bucket({ name });
    const down = nextEvent(bus, "disconnected");
    await server.kill9();
    await down;
    const calls = Promise.all([
      bus.append(`${name}.a`, bytes("1")),
      bus.lastSequence(name),
      bucket.put("k", bytes("v")),
      bus.objects({ name }),
      bus.subscribe(`${name}x`, (message) => message.respond(bytes("hello"))),
    ]);
    await server.restart();
    await calls;
    expect(text((await bucket.get("k"))?.value)).toBe("v");
    expect(text((await bus.request(`${name}x`, bytes(""), { timeoutMs: 2000 })).data)).toBe("hello");
  });

  test("can be closed while it is away, at once and with everything settled", async () => {
    const bus = await open({ servers: server.url });
    const name = unique();
    await bus.ensureStream({ name, subjects: [`${name}.>`], retention: "limits" });
    await bus.follow(name, ">", () => {});
    const down = nextEvent(bus, "disconnected");
    await server.kill9();
    await down;
    const calls = Promise.allSettled([
      bus.append(`${name}.a`, bytes("1")),
      bus.lastSequence(name),
      bus.request(name, bytes(""), { timeoutMs: 60_000 }),
    ]);
    await bus.close();
    const codes = (await calls).map((result) => result.status === "rejected" && result.reason.code);
    expect(codes).toEqual(["closed", "closed", "closed"]);
    await server.restart();
  });
});

describe("a connection that breaks", () => {
  let server: NatsServer;
  beforeAll(async () => {
    server = await startNatsServer();
  });
  afterAll(() => server.stop());

  test("again and again loses a follower nothing and brings nothing twice", async () => {
    const proxy = await startProxy(server.url);
    opened.push(proxy);
    const [writer, reader] = [await open({ servers: server.url }), await open({ servers: proxy.url })];
    const name = unique();
    await writer.ensureStream({ name, subjects: [`${name}.>`], retention: "limits" });
    const seen: number[] = [];
    await reader.follow(name, ">", (message) => void seen.push(message.sequence));
    for (let round = 0; round < 4; round++) {
      const writing = Promise.all(Array.from({ length: 5000 }, () => writer.append(`${name}.a`, bytes("x"))));
      await eventually("some messages", () => seen.length > round * 5000);
      const back = nextEvent(reader, "reconnected");
      proxy.breakConnections();
      await writing;
      await back;
    }
    await eventually("20000 messages", () => seen.length >= 20_000, 10_000);
    expect(seen).toEqual(Array.from({ length: 20_000 }, (_, i) => i + 1));
  });

  test("rejects appends in flight with unconfirmed, and keeps the later ones in order", async () => {
    const proxy = await startProxy(server.url);
    opened.push(proxy);
    const bus = await open({ servers: proxy.url });
    const name = unique();
    await bus.ensureStream({ name, subjects: [`${name}.>`], retention: "limits" });
    const down = nextEvent(bus, "disconnected");
    proxy.stall();
    const lost = Promise.allSettled([bus.append(`${name}.a`, bytes("1")), bus.append(`${name}.a`, bytes("2"))]);
    proxy.breakConnections();
    await down;
    expect((await lost).map((result) => result.status === "rejected" && result.reason.code)).toEqual([
      "unconfirmed",
      "unconfirmed",
    ]);
    await Promise.all(Array.from({ length: 10 }, (_, i) => bus.append(`${name}.${i}`, bytes(""))));
    const seen = new Collector<string>();
    await bus.follow(name, ">", (message) => seen.add(message.subject));
    expect((await seen.atLeast(10)).slice(-10)).toEqual(Array.from({ length: 10 }, (_, i) => `${name}.${i}`));
  });

  test("rejects an append that nothing answers with unconfirmed, and can be closed", async () => {
    const proxy = await startProxy(server.url);
    opened.push(proxy);
    const bus = await open({ servers: proxy.url, clock: hastyClock });
    const name = unique();
    await bus.ensureStream({ name, subjects: [`${name}.>`], retention: "limits" });
    await bus.follow(name, ">", () => {});
    proxy.stall();
    const from = hastyClock.monotonic();
    await expect(bus.append(`${name}.a`, bytes("1"))).rejects.toMatchObject({ code: "unconfirmed" });
    expect(hastyClock.monotonic() - from).toBeGreaterThan(4500);
    await bus.close();
  });

  test("gives what a stopped puller had been sent back to others at once", async () => {
    const [one, two] = [await open({ servers: server.url }), await open({ servers: server.url })];
    const name = unique();
    await one.ensureStream({ name, subjects: [`${name}.>`], retention: "work-queue" });
    await one.ensureConsumer({ stream: name, name: "c", filter: `${name}.>`, ackWaitMs: 60_000, maxAckPending: 1000 });
    const kept: Delivery[] = [];
    const puller = await one.pull(name, "c", (delivery) => {
      kept.push(delivery);
      if (kept.length === 1) void puller.stop();
    });
    puller.demand(100);
    await Promise.all(Array.from({ length: 100 }, (_, i) => two.append(`${name}.${i}`, bytes("x"))));
    await eventually("a delivery", () => kept.length > 0);
    await puller.stop();
    for (const delivery of kept) delivery.ack();
    const rest = new Collector<Delivery>();
    const other = await two.pull(name, "c", rest.add);
    other.demand(100);
    await rest.atLeast(100 - kept.length);
  });
});

describe("what others do to a stream", () => {
  let server: NatsServer;
  beforeAll(async () => {
    server = await startNatsServer();
  });
  afterAll(() => server.stop());

  test("a deleted consumer is made again by its puller", async () => {
    const bus = await open({ servers: server.url });
    const name = unique();
    await bus.ensureStream({ name, subjects: [`${name}.>`], retention: "work-queue" });
    await bus.ensureConsumer({ stream: name, name: "c", filter: `${name}.>`, ackWaitMs: 5000, maxAckPending: 10 });
    const got = new Collector<Delivery>();
    const puller = await bus.pull(name, "c", got.add);
    puller.demand(2);
    await bus.append(`${name}.1`, bytes("x"));
    (await got.atLeast(1))[0]?.ack();
    await removal(bus, name, 1);
    const again = nextEvent(bus, "resynchronised");
    await bus.request(`$JS.API.CONSUMER.DELETE.${name}.c`, bytes(""), { timeoutMs: 2000 });
    await again;
    await bus.append(`${name}.2`, bytes("x"));
    expect((await got.atLeast(2))[1]?.subject).toBe(`${name}.2`);
    expect(puller.outstanding).toBe(0);
  });

  test("a deleted follower's consumer is made again where it stood", async () => {
    const bus = await open({ servers: server.url });
    const name = unique();
    await bus.ensureStream({ name, subjects: [`${name}.>`], retention: "limits" });
    const got = new Collector<number>();
    await bus.follow(name, ">", (message) => got.add(message.sequence));
    await bus.append(`${name}.1`, bytes("x"));
    await got.atLeast(1);
    const listed = await bus.request(`$JS.API.CONSUMER.NAMES.${name}`, bytes(""), { timeoutMs: 2000 });
    const { consumers } = JSON.parse(text(listed.data) ?? "");
    await bus.request(`$JS.API.CONSUMER.DELETE.${name}.${consumers[0]}`, bytes(""), { timeoutMs: 2000 });
    await bus.append(`${name}.2`, bytes("x"));
    expect(await got.atLeast(2, 15_000)).toEqual([1, 2]);
  });

  test("an existing stream that cannot be brought to the definition stays as it is, and the field is named", async () => {
    const bus = await open({ servers: server.url });
    const name = unique();
    await bus.ensureStream({ name, subjects: [`${name}.>`], retention: "limits" });
    const change = bus.ensureStream({ name, subjects: [`${name}.>`], retention: "work-queue" });
    await expect(change).rejects.toMatchObject({ code: "failed", message: expect.stringContaining(name) });
    await expect(change).rejects.toThrow(/retention is "limits", expected "workqueue"/);
    await bus.append(`${name}.a`, bytes("x"));
  });

  test("a consumer with another filter is replaced and delivers by the new one", async () => {
    const bus = await open({ servers: server.url });
    const name = unique();
    await bus.ensureStream({ name, subjects: [`${name}.>`], retention: "work-queue" });
    const consumer = { stream: name, name: "c", ackWaitMs: 5000, maxAckPending: 10 };
    await bus.ensureConsumer({ ...consumer, filter: `${name}.a` });
    await bus.ensureConsumer({ ...consumer, filter: `${name}.>` });
    await bus.append(`${name}.b`, bytes("x"));
    const got = new Collector<Delivery>();
    (await bus.pull(name, "c", got.add)).demand(1);
    expect((await got.atLeast(1))[0]?.subject).toBe(`${name}.b`);
  });

  test("other clients read the same buckets and objects, and we read theirs", async () => {
    const bus = await open({ servers: server.url });
    const plain = await connectPlain({ servers: server.url });
    opened.push(plain);
    const name = unique();
    const bucket = await bus.bucket({ name });
    const theirs = await new Kvm(plain).open(name);
    await bucket.put("a", bytes("1"));
    expect((await theirs.get("a"))?.string()).toBe("1");
    await theirs.put("b", "2");
    await theirs.delete("a");
    expect((await bucket.entries()).map(({ key, value }) => [key, text(value)])).toEqual([["b", "2"]]);

    const objects = await bus.objects({ name });
    const theirObjects = await new Objm(plain).open(name);
    const data = randomBytes(300_000);
    await objects.put("x/y z", data);
    expect(Buffer.compare((await theirObjects.getBlob("x/y z")) ?? data.subarray(1), data)).toBe(0);
    await theirObjects.putBlob({ name: "y" }, data);
    expect(Buffer.compare((await objects.get("y")) ?? data.subarray(1), data)).toBe(0);
  });
});

test("the subject of an acknowledgement is read in both layouts", () => {
  const parsed = { deliveries: 2, sequence: 30, consumerSequence: 31, timestamp: 1795224129727, nanos: 999_999 };
  expect(parseAckSubject("$JS.ACK.S.c.2.30.31.1795224129727999999.7")).toEqual(parsed);
  expect(parseAckSubject("$JS.ACK._.ACC.S.c.2.30.31.1795224129727999999.7")).toEqual(parsed);
  expect(parseAckSubject("$JS.ACK.hub.ACC.S.c.2.30.31.1795224129727999999.7.x9y")).toEqual(parsed);
  expect(parseAckSubject("$JS.ACK.S.c.1.2345678.9.1795224129728000000.0")).toEqual({
    deliveries: 1,
    sequence: 2345678,
    consumerSequence: 9,
    timestamp: 1795224129728,
    nanos: 0,
  });
});

describe("connecting", () => {
  test("to no server says where and what to do", async () => {
    const refused = connectNats({ servers: "nats://127.0.0.1:1" });
    await expect(refused).rejects.toMatchObject({ name: "BusError", code: "unreachable" });
    await expect(refused).rejects.toThrow(/nats:\/\/127\.0\.0\.1:1.*nats-server -js/);
  });

  test("with wrong credentials says so; with right ones works, also when they stand in the URL", async () => {
    const server = await startNatsServer({ config: 'authorization { user: "u", password: "p" }' });
    opened.push({ close: () => server.stop() });
    const wrong = connectNats({ servers: server.url, user: "u", password: "wrong" });
    await expect(wrong).rejects.toMatchObject({ name: "BusError", code: "failed" });
    await expect(wrong).rejects.toThrow(/refuses the credentials/);
    const good = await open({ servers: server.url, user: "u", password: "p" });
    expect(good.description).toMatch(/^nats:\/\/127\.0\.0\.1:\d+ \(2\./);
    const inUrl = await open({ servers: server.url.replace("//", "//u:p@") });
    expect(inUrl.description).not.toContain("u:p");
    await Promise.all([good.close(), inUrl.close()]);
  });

  test("to a server that demands a client certificate says so, whether none was given or one that it does not know", async () => {
    const { ca, cert, key, stranger, remove } = makeCertificates();
    opened.push({ close: async () => remove() });
    const args = ["--tlsverify", "--tlscert", cert, "--tlskey", key, "--tlscacert", ca];
    const server = await startNatsServer({ args });
    opened.push({ close: () => server.stop() });
    const refusal = (tls?: NatsOptions["tls"]) =>
      connectNats({ servers: server.url, ...(tls && { tls }) }).catch((error: unknown) => error);

    // One after the other would take as long again: each is known to be refused only when nothing has been answered.
    const refusals = await Promise.all([refusal({ ca }), refusal({ ca, ...stranger }), refusal()]);
    const demands = `NATS at ${server.url} demands a client certificate and`;
    const expected = "expected NATS_TLS_CERT with NATS_TLS_KEY, signed by an authority that the server trusts";
    expect(refusals).toMatchObject([
      { code: "failed", message: `NATS at ${server.url} demands a client certificate and none is set: ${expected}` },
      { code: "failed", message: `${demands} does not accept the one in NATS_TLS_CERT: ${expected}` },
      {
        code: "failed",
        message: expect.stringMatching(/first certificate.*NATS_TLS_CA.*demands a client certificate/),
      },
    ]);
    const bus = await open({ servers: server.url, tls: { ca, cert, key } });
    await bus.ensureStream({ name: "S", subjects: ["s"], retention: "limits" });
    await bus.close();
  });

  test("without the right to append, an append fails at once and says why", async () => {
    const restricted = '{ user: "u", password: "p", permissions: { publish: { deny: ["secret.>"] } } }';
    const config = `authorization { users: [{ user: "admin", password: "p" }, ${restricted}] }`;
    const server = await startNatsServer({ config });
    opened.push({ close: () => server.stop() });
    const bus = await open({ servers: server.url, user: "u", password: "p" });
    await bus.ensureStream({ name: "S", subjects: ["secret.>"], retention: "limits" });
    const append = bus.append("secret.a", bytes("x"));
    await expect(append).rejects.toMatchObject({ code: "failed" });
    await expect(append).rejects.toThrow(/secret\.a.*[Pp]ermissions/);
    await bus.close();
  });

  test("to a server without JetStream works; what needs it says how to start it", async () => {
    const server = await startNatsServer({ jetstream: false });
    opened.push({ close: () => server.stop() });
    const bus = await open({ servers: server.url, clock: hastyClock });
    const failed = bus.ensureStream({ name: "S", subjects: ["s"], retention: "limits" });
    await expect(failed).rejects.toMatchObject({ code: "failed" });
    await expect(failed).rejects.toThrow(/stream S.*JetStream.*-js/);
    await bus.close();
  });

  test("reads its options from an environment", () => {
    expect(readNatsOptions({})).toEqual({ servers: "nats://127.0.0.1:4222" });
    expect(
      readNatsOptions({ NATS_URL: "nats://a,nats://b", NATS_USER: "u", NATS_PASSWORD: "p", NATS_CREDS: "" }),
    ).toEqual({
      servers: "nats://a,nats://b",
      user: "u",
      password: "p",
    });
    expect(readNatsOptions({ NATS_TLS_CA: "/ca.pem" })).toMatchObject({ tls: { ca: "/ca.pem" } });
  });

  test("names a file it cannot read", async () => {
    const failed = connectNats({ servers: "nats://127.0.0.1:1", creds: "/no/such.creds" });
    await expect(failed).rejects.toThrow(/NATS_CREDS.*\/no\/such\.creds/);
  });
});
