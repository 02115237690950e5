import { describe, expect, it } from "vitest";
import { topologyOptions } from "../src/topology-options.ts";

describe("the topology's options", () => {
  it("come from the environment", () => {
    const env = { TUTTI_PREFIX: "mine", TUTTI_LEASE: "1.5s", TUTTI_REPLICAS: "3" };
    expect(topologyOptions({}, env)).toEqual({ prefix: "mine", presenceTtlMs: 1500, replicas: 3 });
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
    ["TUTTI_REPLICAS", "0", /from 1 to 5, received 0/],
    ["TUTTI_REPLICAS", "many", /received many/],
    ["TUTTI_PREFIX", "a.b", /prefix "a\.b"/],
  ])("refuse %s=%s, saying what was expected", (name, value, message) => {
    expect(() => topologyOptions({}, { [name]: value })).toThrow(message);
  });
});
