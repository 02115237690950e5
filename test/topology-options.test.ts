import { describe, expect, it } from "vitest";
import { topologyOptions } from "../src/topology-options.ts";

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
    const limits = { log: { bytes: "1MB" }, dead: { messages: 0 } };
    expect(topologyOptions({ limits }, env)).toEqual({
      limits: { log: { messages: 1000, bytes: 1_000_000 }, dead: { messages: 0 }, blobs: { bytes: 5_000_000 } },
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

  it.each([
    ["TUTTI_LEASE", "soon", /TUTTI_LEASE.*received soon/],
    ["TUTTI_LEASE", "100ms", /500 ms or more, received 100ms/],
    ["TUTTI_MAX_AGE", "long", /TUTTI_MAX_AGE.*received long/],
    ["TUTTI_MAX_AGE", "19s", /4 leases \(5000 ms\) or more, received 19s/],
    ["TUTTI_REPLICAS", "0", /from 1 to 5, received 0/],
    ["TUTTI_REPLICAS", "many", /received many/],
    ["TUTTI_LOG_MAX_BYTES", "lots", /limits\.log\.bytes \(TUTTI_LOG_MAX_BYTES\): expected a size.*received lots/],
    ["TUTTI_TASKS_MAX_MESSAGES", "-1", /TUTTI_TASKS_MAX_MESSAGES.*whole number, 0 or more, received -1/],
    ["TUTTI_PREFIX", "a.b", /prefix "a\.b"/],
  ])("refuse %s=%s, saying what was expected", (name, value, message) => {
    expect(() => topologyOptions({}, { [name]: value })).toThrow(message);
  });
});
