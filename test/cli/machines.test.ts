import { describe, expect, it } from "vitest";
import { CHARTS } from "../../src/machines/charts.ts";
import { toMermaid, toMermaidTogether } from "../../src/machines/mermaid.ts";
import { tutti } from "./tutti-process.ts";

describe("tutti machines", () => {
  it("prints every chart as text, with its states and what they mean", async () => {
    const { code, stdout, stderr } = await tutti(["machines"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const name of Object.keys(CHARTS)) expect(stdout).toMatch(new RegExp(`^${name}$`, "m"));
    expect(stdout).toContain("  leaseless (open)\n    It owns nothing, because its lease could not be renewed in time");
    expect(stdout).toContain("    leaseLost → leaseless\n");
  });

  it("prints every chart as one JSON document, as XState reads it", async () => {
    const { stdout } = await tutti(["machines", "--json"]);
    const configs = Object.entries(CHARTS).map(([name, { config }]) => [name, JSON.parse(JSON.stringify(config))]);
    expect(JSON.parse(stdout)).toEqual(Object.fromEntries(configs));
  });

  it("prints every chart as one Mermaid diagram", async () => {
    expect((await tutti(["machines", "--mermaid"])).stdout).toBe(toMermaidTogether(CHARTS));
  });

  it("prints one chart by its name", async () => {
    expect((await tutti(["machines", "shard", "--mermaid"])).stdout).toBe(toMermaid(CHARTS.shard));
    expect(JSON.parse((await tutti(["machines", "shard", "--json"])).stdout)).toMatchObject({ id: "shard" });
    expect((await tutti(["machines", "shard"])).stdout).toMatch(/^shard\n/);
  });

  it("refuses a chart that does not exist, and two formats at once", async () => {
    const unknown = await tutti(["machines", "toString"]);
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain('no chart is named "toString"');
    expect(unknown.stderr).toContain("one of task, run, worker, shard, orchestrator, breaker");
    expect((await tutti(["machines", "--json", "--mermaid"])).code).toBe(2);
  });
});
