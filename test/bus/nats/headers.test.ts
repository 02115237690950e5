import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { connectNats } from "../../../src/bus/nats/bus.ts";
import { type Bus, type Delivery, header, MAX_HEADER_BYTES, type Message } from "../../../src/bus/port.ts";
import { bytes, text } from "../../contract/bytes.ts";
import { type NatsServer, startNatsServer } from "../../support/nats-server.ts";
import { headerLines, publishRaw as publishOverSocket } from "../../support/raw-publish.ts";

/** As many header lines as a message holds: a decoder of quadratic time takes seconds for them. */
const MANY = headerLines(60_000);
/** A stream takes headers of 64 KiB. */
const MANY_STORED = headerLines(6000);
/** Far less than decoding takes, and more than a busy machine needs for a round trip. */
const MOST_MS = 1500;

let server: NatsServer;
let bus: Bus;
beforeAll(async () => {
  server = await startNatsServer();
});
afterAll(() => server.stop());
afterEach(() => bus?.close());

const publishRaw = (subject: string, reply: string, headers: string, body?: string) =>
  publishOverSocket(server, subject, reply, headers, body);

/** How long the longest pause of this process was while `work` went on. */
async function longestPause(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let last = performance.now();
  const look = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  };
  const timer = setInterval(look, 5);
  await work();
  look();
  clearInterval(timer);
  return longest;
}

describe("a message with more headers than are read", () => {
  const expectOversized = (message: { headers?: unknown; oversizedHeaders?: number | undefined }, lines = MANY) => {
    expect(message.headers).toBeUndefined();
    expect(message.oversizedHeaders).toBe(`NATS/1.0\r\n${lines}\r\n`.length);
  };

  test.each(["a subscription", "a service"])(
    "holds %s up for a moment only, and says how many bytes they are",
    async (by) => {
      bus = await connectNats({ servers: server.url });
      const come = Promise.withResolvers<Message>();
      if (by === "a subscription") await bus.subscribe("h.a", come.resolve);
      else {
        const endpoints = [{ name: "a", subject: "h.a", handler: come.resolve }];
        await bus.serve({ name: "h", version: "0.0.1", description: "h", endpoints });
      }
      const pause = await longestPause(async () => {
        await publishRaw("h.a", "nobody", MANY, "body");
        const message = await come.promise;
        expect(text(message.data)).toBe("body");
        expectOversized(message);
      });
      expect(pause).toBeLessThan(MOST_MS);
    },
  );

  test("holds nobody up who reads it from a stream, by sequence, from a queue, or as an answer", async () => {
    bus = await connectNats({ servers: server.url });
    await bus.ensureStream({ name: "H", subjects: ["q.>"], retention: "work-queue" });
    await bus.ensureStream({ name: "L", subjects: ["l.>"], retention: "limits" });
    await bus.ensureConsumer({ stream: "H", name: "c", filter: "q.>", ackWaitMs: 5000, maxAckPending: 10 });
    const delivered = Promise.withResolvers<Delivery>();
    const puller = await bus.pull("H", "c", delivered.resolve);
    puller.demand(1);
    const followed = Promise.withResolvers<{ headers?: unknown }>();
    await bus.follow("L", "l.>", followed.resolve);
    await bus.subscribe("answering", ({ replyTo }) => void publishRaw(replyTo!, "x", MANY));
    const pause = await longestPause(async () => {
      await publishRaw("q.a", "x", MANY_STORED);
      await publishRaw("l.a", "x", MANY_STORED);
      expectOversized(await delivered.promise, MANY_STORED);
      expectOversized(await followed.promise, MANY_STORED);
      expectOversized((await bus.getMessage("L", 1))!, MANY_STORED);
      expectOversized(await bus.request("answering", bytes(""), { timeoutMs: 10_000 }));
    });
    expect(pause).toBeLessThan(MOST_MS);
  });

  test("does not disturb an append or a request of ours, whose inboxes it is sent to", async () => {
    bus = await connectNats({ servers: server.url });
    await bus.ensureStream({ name: "L", subjects: ["l.>"], retention: "limits" });
    const inboxes: string[] = [];
    const spy = await connectNats({ servers: server.url });
    await spy.subscribe("l.spied", ({ replyTo }) => replyTo && inboxes.push(replyTo));
    const { sequence } = await bus.append("l.spied", bytes("1"));
    for (const inbox of inboxes) await publishRaw(inbox, "x", MANY);
    expect((await bus.append("l.b", bytes("2"))).sequence).toBe(sequence + 1);
    await spy.close();
  });
});

test("headers up to the bound arrive, the first of a name counts, and names are found in any case", async () => {
  bus = await connectNats({ servers: server.url });
  const come = Promise.withResolvers<Message>();
  await bus.subscribe("h.b", come.resolve);
  const long = "v".repeat(MAX_HEADER_BYTES - 200);
  await publishRaw("h.b", "x", `A: 1\r\nA: 2\r\n__proto__: p\r\nnone\r\nTutti-RUN:  r \r\nlong: ${long}\r\n`);
  const message = await come.promise;
  expect(header(message, "a")).toBe("1");
  expect(header(message, "tutti-run")).toBe("r");
  expect(header(message, "__proto__")).toBe("p");
  expect(header(message, "long")).toBe(long);
  expect(message.oversizedHeaders).toBeUndefined();
});

test("headers beyond the bound are not sent", async () => {
  bus = await connectNats({ servers: server.url });
  const headers = { a: "v".repeat(MAX_HEADER_BYTES) };
  expect(() => bus.publish("h.c", bytes(""), headers)).toThrow(/headers of 164\d\d bytes; expected at most 16384/);
  await expect(bus.request("h.c", bytes(""), { timeoutMs: 100, headers })).rejects.toMatchObject({ code: "too-large" });
});
