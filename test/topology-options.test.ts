import { describe, expect, it } from "vitest";
import { topologyOptions } from "../src/topology-options.ts";
import { tutti } from "../src/tutti.ts";

describe("the topology's options", () => {
  it("come from the environment", () => {
    const env = { TUTTI_PREFIX: "mine", TUTTI_LEASE: "1.5s", TUTTI_REPLICAS: "3", TUTTI_MAX_AGE: "30d" };
    const maxAgeMs = 30 * 86_400_000;
    expect(topologyOptions({}, env)).toEqual({ prefix: "mine", presenceTtlMs: 1500, replicas: 3, maxAgeMs });
  });

  it("say what the streams may hold", () => {
    const env = { TUTTI_LOG_MAX_BYTES: "2GiB", TUTTI_LOG_MAX_MESSAGES: "1000", TUTTI_BLOBS_MAX_BYTES: "5000000" };
    expect(topologyOptions({}, env)).toEqual({
      limits: { log: { messages: 1000, bytes: 2 ** 31 }, blobs: { bytes: 5_000_000 } },
    });
    const limits = { log: { bytes: "4MB" }, dead: { messages: 0 } };
    expect(topologyOptions({ limits }, env)).toEqual({
      limits: { log: { messages: 1000, bytes: 4_000_000 }, dead: { messages: 0 }, blobs: { bytes: 5_000_000 } },
    });
  });

  it("come from the program first", () => {
    const options = { prefix: "other", replicas: 1, timing: { presenceTtlMs: 700, ackWaitMs: 100 } };
    const env = { TUTTI_PREFIX: "mine", TUTTI_LEASE: "1.5s", TUTTI_REPLICAS: "3" };
    expect(topologyOptions(options, env)).toEqual({ prefix: "other", presenceTtlMs: 700, ackWaitMs: 100, replicas: 1 });
  });

  it("leave what is not said to what is there", () => {
    expect(topologyOptions({}, { TUTTI_LEASE: "", TUTTI_REPLICAS: "" })).toEqual({});
  });

  it.each(["LOG", "TASKS", "REQUESTS", "DEAD", "BLOBS"])(
    "refuse bytes that would never hold a message of %s",
    (what) => {
      const variable = `TUTTI_${what}_MAX_BYTES`;
      const said = `(${variable}): expected 2.0 MiB or more, room for one largest message; 0 for no limit, received`;
      expect(() => topologyOptions({}, { [variable]: "1" })).toThrow(`${said} 1`);
      expect(() => topologyOptions({}, { [variable]: "2047KiB" })).toThrow(`${said} 2047KiB`);
      for (const enough of ["2MiB", "0"]) expect(topologyOptions({}, { [variable]: enough })).toHaveProperty("limits");
    },
  );

  it.each([
    ["LOG", 4],
    ["TASKS", 2],
    ["REQUESTS", 1],
    ["DEAD", 1],
  ])("take %s with %d messages, refuse less, and take 0 for no limit", (what, least) => {
    const take = (count: number) => topologyOptions({}, { [`TUTTI_${what}_MAX_MESSAGES`]: String(count) });
    for (const enough of [least, 0])
      expect(take(enough)).toEqual({ limits: { [what.toLowerCase()]: { messages: enough } } });
    if (least > 1) expect(() => take(least - 1)).toThrow(`expected a whole number, ${least} or more; 0 for no limit`);
  });

  it.each([
    ["TUTTI_LEASE", "soon", /TUTTI_LEASE.*received soon/],
    ["TUTTI_LEASE", "100ms", /500 ms or more, received 100ms/],
    ["TUTTI_MAX_AGE", "long", /TUTTI_MAX_AGE.*received long/],
    ["TUTTI_MAX_AGE", "19s", /4 leases \(5000 ms\) or more, received 19s/],
    ["TUTTI_REPLICAS", "0", /from 1 to 5, received 0/],
    ["TUTTI_REPLICAS", "many", /received many/],
    ["TUTTI_LOG_MAX_BYTES", "lots", /limits\.log\.bytes \(TUTTI_LOG_MAX_BYTES\): expected a size.*received lots/],
    [
      "TUTTI_TASKS_MAX_MESSAGES",
      "-1",
      /TUTTI_TASKS_MAX_MESSAGES.*whole number, 2 or more; 0 for no limit, received -1/,
    ],
    ["TUTTI_PREFIX", "a.b", /prefix "a\.b"/],
  ])("refuse %s=%s, saying what was expected", (name, value, message) => {
    expect(() => topologyOptions({}, { [name]: value })).toThrow(message);
  });
});

describe("a worker's concurrency", () => {
  it.each([0, -1, 1.5, Number.NaN])("is a whole number, 1 or more: %d is refused", async (concurrency) => {
    const message = `concurrency: expected a whole number, 1 or more, received ${concurrency}`;
    await expect(tutti({ concurrency })).rejects.toMatchObject({ code: 400, message });
  });
});

describe("a program's options", () => {
  it.each([
    [{ workers: [{}] }, "workers[0]: expected what worker() makes, received {}"],
    [{ workers: {} }, "workers: expected an array of what worker() makes, received {}"],
    [{ workers: [undefined] }, "workers[0]: expected what worker() makes, received nothing"],
    [{ timing: { ackWaitMs: -1 } }, "timing.ackWaitMs: expected milliseconds, more than 0, received -1"],
    [{ timing: { ackWaitMs: Number.NaN } }, "timing.ackWaitMs: expected milliseconds, more than 0, received NaN"],
  ])("that mean nothing are refused: %o", async (options, message) => {
    await expect(tutti(options as never)).rejects.toMatchObject({ code: 400, message });
  });
});
