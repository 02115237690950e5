import { expect, test } from "vitest";
import { WorkerHoldings } from "../../../src/actors/cluster/worker-holdings.ts";
import { createMemoryBus } from "../../../src/bus/memory/bus.ts";
import { encodeJson, encodeText } from "../../../src/core/json.ts";
import type { WorkerPresence } from "../../../src/core/registration.ts";
import { createVirtualClock } from "../../../src/core/virtual-clock.ts";

const presence = { worker: "w", inquiries: "inquire.w" } as WorkerPresence;

test.each([
  ["not JSON", encodeText("{")],
  ["not UTF-8", Uint8Array.of(0xff, 0xfe)],
  ["empty", new Uint8Array()],
  ["of another shape", encodeJson({ v: 1, held: "all" })],
])("an answer that is %s leaves unknown what the worker has taken", async (_, data) => {
  const clock = createVirtualClock();
  const bus = createMemoryBus({ clock });
  await clock.runUntilSettled(bus.subscribe("inquire.w", (message) => message.respond(data)));
  expect(await clock.runUntilSettled(new WorkerHoldings({ bus, clock }).ask(presence))).toBe("unknown");
});
