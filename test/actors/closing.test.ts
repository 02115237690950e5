import { expect, test } from "vitest";
import { eachMessage } from "../../src/actors/run-reader.ts";
import { createTopology } from "../../src/bus/topology.ts";
import { describeShared } from "../support/runtime.ts";

describeShared("when the bus is closed", (runtime) => {
  test("what reads a stream is told so, in the midst of it", async () => {
    const { bus, prefix } = runtime;
    await bus.ensureStream({ name: prefix, subjects: [`${prefix}.x.>`], retention: "limits" });
    const data = new Uint8Array(100);
    await Promise.all(Array.from({ length: 20_000 }, (_, i) => bus.append(`${prefix}.x.${i}`, data)));
    let read = 0;
    const take = () => {
      if (read++ === 0) void bus.close();
    };
    const host = { bus, topology: createTopology({ prefix }) };
    const reading = eachMessage(host, `${prefix}.x.>`, take, { stream: prefix });
    await expect(reading).rejects.toMatchObject({ code: "closed" });
    expect(read).toBeLessThan(20_000);
  });
});
