import { expect, it } from "vitest";
import { BlobStore } from "../../../src/actors/host/blobs.ts";
import { Trouble } from "../../../src/actors/host/trouble.ts";
import { LogPump } from "../../../src/actors/log/log-pump.ts";
import { CatchUp } from "../../../src/actors/shard/catch-up.ts";
import { createMemoryBus } from "../../../src/bus/memory/bus.ts";
import type { StoredMessage } from "../../../src/bus/port.ts";
import { createTopology } from "../../../src/bus/topology.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { encodeJson } from "../../../src/core/json.ts";

/** A log of one shard that holds so many messages, and the messages. */
async function logOf(count: number) {
  const clock = systemClock;
  await using stack = new AsyncDisposableStack();
  const bus = stack.use(createMemoryBus({ clock }));
  const topology = createTopology();
  const { log } = topology.streams;
  await bus.ensureStream(log);
  const blobs = await BlobStore.open(bus, topology, clock);
  for (let i = 0; i < count; i++)
    await bus.append(topology.subjects.log("default", 0, "r", "cancel"), encodeJson({ v: 1 }));
  const messages: StoredMessage[] = [];
  for (let sequence = 1; sequence <= count; sequence++) messages.push((await bus.getMessage(log.name, sequence))!);
  const host = {
    bus,
    topology,
    subjects: topology.subjects,
    blobs,
    clock,
    log: () => {},
    trouble: new Trouble(clock, () => {}),
  };
  const owned = stack.move();
  return { host, messages, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

it("has folded a message that was being folded when it was asked for, once that is done", async () => {
  await using log = await logOf(1);
  const { host, messages } = log;
  const fetched = Promise.withResolvers<void>();
  const pump = new LogPump(host, () => fetched.promise, {
    needsCarried: () => false,
    onNewer: () => {},
    onThrown: () => {},
  });
  const catchUp = new CatchUp(host, 0, pump);
  pump.push(messages[0]!);
  catchUp.pushed();
  let isCaughtUp = false;
  const caughtUp = catchUp.wait().then(() => {
    isCaughtUp = true;
  });
  // It asks at the end of the turn; what is asked now is answered later.
  await new Promise(setImmediate);
  await host.bus.lastSequence(host.topology.streams.log.name);
  expect(isCaughtUp).toBe(false);
  fetched.resolve();
  await caughtUp;
});

it.each([
  [
    "at once",
    (): Promise<void> => {
      throw new Error("a slip of ours");
    },
  ],
  ["later", (): Promise<void> => Promise.reject(new Error("a slip of ours"))],
])("tells of a fold that throws %s, folds nothing more, and keeps nobody waiting", async (_, apply) => {
  await using log = await logOf(3);
  const thrown: unknown[] = [];
  const applied: number[] = [];
  const pump = new LogPump(
    log.host,
    ({ read }) => {
      applied.push(read.sequence);
      if (read.sequence === 2) return apply();
    },
    {
      needsCarried: () => false,
      onNewer: () => {},
      onThrown: (error, sequence) => thrown.push([sequence, (error as Error).message]),
    },
  );
  for (const message of log.messages) pump.push(message);
  await new Promise<void>((drained) => pump.whenDrained(drained));
  expect(thrown).toEqual([[2, "a slip of ours"]]);
  expect(applied).toEqual([1, 2]);
  expect(pump.folded).toBe(1);
});
