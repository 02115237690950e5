import { randomBytes } from "node:crypto";
import { connect } from "@nats-io/transport-node";
import { afterEach, describe, expect, onTestFinished, test } from "vitest";
import type { BusEvent } from "../../../src/bus/bus-event.ts";
import { connectNats } from "../../../src/bus/nats/bus.ts";
import { type Bus, isPassing } from "../../../src/bus/port.ts";
import { bytes, text } from "../../contract/bytes.ts";
import { eventually } from "../../contract/wait.ts";
import { type NatsServer, startNatsServer } from "../../support/nats-server.ts";

const opened: Bus[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((bus) => bus.close()));
});

async function startServer(config?: string): Promise<NatsServer> {
  const server = await startNatsServer(config === undefined ? {} : { config });
  onTestFinished(() => server.stop());
  return server;
}

async function open(servers: string, user?: string): Promise<Bus & { readonly events: BusEvent[] }> {
  const bus = await connectNats({ servers, ...(user && { user, password: "p" }) });
  opened.push(bus);
  const events: BusEvent[] = [];
  bus.onEvent((event) => events.push(event));
  return Object.assign(bus, { events });
}

const lostIn = (bus: { readonly events: readonly BusEvent[] }): string[] =>
  bus.events.flatMap((event) => (event.type === "lost" ? [...event.streams] : []));

/** Asks the server's API as an operator would. */
async function operate(url: string, subject: string): Promise<unknown> {
  const nc = await connect({ servers: url });
  try {
    return (await nc.request(`$JS.API.${subject}`)).json();
  } finally {
    await nc.close();
  }
}

/** As every caller does: trouble that passes is waited out. */
async function insisting<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isPassing(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

describe("a server that comes back with an empty store", () => {
  test("has everything made again, with one announcement, and everything that was started goes on", async () => {
    const server = await startServer();
    const bus = await open(server.url);
    await bus.ensureStream({ name: "L", subjects: ["l.>"], retention: "limits" });
    await bus.ensureStream({ name: "Q", subjects: ["q.>"], retention: "work-queue", onePerSubject: true });
    await bus.ensureConsumer({ stream: "Q", name: "c", filter: "q.>", ackWaitMs: 5000, maxAckPending: 10 });
    const bucket = await bus.bucket({ name: "b", ttlMs: 60_000 });
    const objects = await bus.objects({ name: "o" });
    await bucket.put("k", bytes("1"));
    await objects.put("x", bytes("1"));
    for (let i = 0; i < 5; i++) await bus.append(`l.${i}`, bytes("1"));
    const followed: number[] = [];
    await bus.follow("L", ">", ({ sequence }) => followed.push(sequence));
    const watched: string[] = [];
    await bucket.watch((key, value) => watched.push(`${key}=${value && text(value)}`));
    const pulled: string[] = [];
    const puller = await bus.pull("Q", "c", (delivery) => {
      pulled.push(delivery.subject);
      delivery.ack();
    });
    puller.demand(5);
    await eventually("what is there", () => followed.length === 5 && watched.length === 1);

    await server.restart({ empty: true });
    await eventually("the announcement", () => lostIn(bus).length > 0, 20_000);
    expect(lostIn(bus).sort()).toEqual(["KV_b", "L", "OBJ_o", "Q"]);
    expect(await insisting(() => bus.append("l.new", bytes("2")))).toEqual({ sequence: 1 });
    await insisting(() => bucket.put("n", bytes("2")));
    await insisting(() => bus.append("q.a", bytes("2")));
    await eventually(
      "the follower, the watcher and the puller",
      () => {
        return followed.length === 6 && watched.length === 3 && pulled.length === 1;
      },
      20_000,
    );
    expect(followed).toEqual([1, 2, 3, 4, 5, 1]);
    expect(watched).toEqual(["k=1", "k=undefined", "n=2"]);
    expect(await bucket.get("k")).toBeUndefined();
    expect(await objects.get("x")).toBeUndefined();
    await objects.put("x", bytes("2"));
    expect(text((await objects.get("x"))!)).toBe("2");
    expect(bus.events.filter(({ type }) => type === "lost")).toHaveLength(1);
  }, 60_000);

  test("is noticed by a process that came later to streams which another has made again", async () => {
    const server = await startServer();
    const [first, second] = [await open(server.url), await open(server.url)];
    await first.ensureStream({ name: "L", subjects: ["l.>"], retention: "limits" });
    await first.append("l.a", bytes("1"));
    const followed: string[] = [];
    await second.follow("L", ">", ({ subject }) => followed.push(subject));
    await eventually("the message", () => followed.length === 1);
    await server.restart({ empty: true });
    await eventually("both", () => lostIn(first).length > 0 && lostIn(second).length > 0, 20_000);
    await insisting(() => first.append("l.b", bytes("1")));
    await eventually("the new message", () => followed.length === 2, 20_000);
    expect(followed).toEqual(["l.a", "l.b"]);
  }, 60_000);
});

test("a restart that loses nothing is not announced as a loss", async () => {
  const server = await startServer();
  const bus = await open(server.url);
  await bus.ensureStream({ name: "L", subjects: ["l.>"], retention: "limits" });
  await bus.append("l.a", bytes("1"));
  await server.kill9();
  await server.restart();
  await eventually("the connection", () => bus.events.some(({ type }) => type === "reconnected"), 20_000);
  expect(await bus.lastSequence("L")).toBe(1);
  expect(lostIn(bus)).toEqual([]);
});

describe("a stream that an operator deletes", () => {
  test.each([
    ["an append", (bus: Bus) => bus.append("l.x", bytes("1"))],
    ["a read", (bus: Bus) => bus.lastSequence("L")],
    ["a list", (bus: Bus) => bus.listSubjects("L", ">")],
    [
      "the creation of a consumer",
      (bus: Bus) => bus.ensureConsumer({ stream: "L", name: "c", filter: "l.>", ackWaitMs: 1000, maxAckPending: 1 }),
    ],
  ])("is noticed by %s, and made again", async (_, work) => {
    const server = await startServer();
    const bus = await open(server.url);
    await bus.ensureStream({ name: "L", subjects: ["l.>"], retention: "limits", maxMessages: 7 });
    await bus.append("l.a", bytes("1"));
    await operate(server.url, "STREAM.DELETE.L");
    await insisting<unknown>(() => work(bus));
    expect(lostIn(bus)).toEqual(["L"]);
    expect((await bus.streamState("L")).maxMessages).toBe(7);
  });

  test("is noticed by its follower although nobody asks", async () => {
    const server = await startServer();
    const bus = await open(server.url);
    await bus.ensureStream({ name: "L", subjects: ["l.>"], retention: "limits" });
    await bus.follow("L", ">", () => {});
    await operate(server.url, "STREAM.DELETE.L");
    await eventually("the announcement", () => lostIn(bus).length > 0, 30_000);
    expect(await bus.lastSequence("L")).toBe(0);
  }, 40_000);
});

describe("a process that may not create or change streams", () => {
  const prefix = `p${randomBytes(3).toString("hex")}`;
  const forbidden = ["CREATE", "UPDATE", "DELETE"].map((verb) => `"$JS.API.STREAM.${verb}.>"`).join(", ");
  const config = `authorization { users: [
    { user: "admin", password: "p" }
    { user: "u", password: "p", permissions: { publish: { deny: [${forbidden}] } } }
  ] }`;

  test("opens what is there, changes nothing, and is refused what is not there", async () => {
    const server = await startServer(config);
    const admin = await open(server.url, "admin");
    const restricted = await open(server.url, "u");
    for (const bus of [admin, restricted]) {
      await bus.ensureStream({ name: `${prefix}L`, subjects: [`${prefix}.>`], retention: "limits", maxAgeMs: 60_000 });
      await bus.ensureStream({
        name: `${prefix}Q`,
        subjects: [`${prefix}q.>`],
        retention: "work-queue",
        onePerSubject: true,
      });
      const bucket = await bus.bucket({ name: prefix, ttlMs: 5000 });
      const objects = await bus.objects({ name: prefix, maxAgeMs: 60_000 });
      await bucket.put("k", bytes("1"));
      await objects.put("x", bytes("1"));
      await bus.append(`${prefix}.a`, bytes("1"));
    }
    await expect(restricted.ensureStream({ name: "M", subjects: ["m.>"], retention: "limits" })).rejects.toThrow(
      /stream M: .*[Pp]ermissions/,
    );
  });
});
