import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { describeUsage, readCommand } from "../../bench/command-line.ts";
import { UsageError } from "../../bench/usage-error.ts";
import type { Workload } from "../../bench/workload.ts";
import { startProgram } from "../support/program.ts";

const workload: Workload = { summary: "one", sizesAre: "things", sizes: [7], measure: async () => [] };
const workloads = { one: workload, another: workload, fixed: { ...workload, sizes: [] } };
const read = (...args: string[]) => readCommand(args, workloads);

it("reads a name, sizes and options", () => {
  expect(read("one")).toEqual({ names: ["one"], sizes: [], rounds: undefined, sync: "default", out: undefined });
  expect(read("another", "10", "20", "--rounds", "3", "--sync", "always", "--out", "there")).toEqual({
    names: ["another"],
    sizes: [10, 20],
    rounds: 3,
    sync: "always",
    out: "there",
  });
  expect(read("all")).toMatchObject({ names: ["one", "another", "fixed"] });
  expect(read("--help")).toBeUndefined();
});

it.each([
  [["two"], 'NAME: expected one of one, another, fixed, all; received "two"'],
  [[], "NAME: expected one of one, another, fixed, all; received nothing"],
  [["one", "many"], 'N: expected a whole number above 0; received "many"'],
  [["one", "1.5"], 'N: expected a whole number above 0; received "1.5"'],
  [["one", "--rounds", "0"], '--rounds: expected a whole number above 0; received "0"'],
  [["one", "--sync", "never"], '--sync: expected default or always; received "never"'],
  [["fixed", "10"], "fixed takes no sizes; received 10"],
  [["all", "10"], "sizes go with one workload, not with all; received 10"],
])("refuses %j and says what was expected", (args, message) => {
  expect(() => read(...args)).toThrow(new UsageError(message));
});

it("names every workload in its help", () => {
  expect(describeUsage(workloads)).toMatch(/one +one\n +N: things \(default 7\)/);
});

describe("npm run bench", () => {
  const bench = (...args: string[]) => startProgram(process.execPath, ["bench/main.ts", ...args]);

  it("ends with 2 when the name is unknown, saying which there are", async () => {
    const program = bench("nothing");
    expect(await program.ended).toBe(2);
    expect(program.said).toContain("NAME: expected one of fan-out, small-runs, ");
  });

  it("prints a table, and writes it with the environment that it was measured in", async () => {
    const out = mkdtempSync(join(tmpdir(), "tutti-bench-"));
    const program = bench("embedded", "100", "--rounds", "1", "--out", out);
    expect(await program.ended, program.said).toBe(0);
    expect(program.stdout).toContain("tasks/s");
    const { environment, rows } = JSON.parse(readFileSync(join(out, "embedded.json"), "utf8"));
    expect(environment).toMatchObject({ sizes: [100], rounds: 1, node: process.version, cores: expect.any(Number) });
    expect(environment.commit).toMatch(/^[0-9a-f]{12}(-dirty)?$|^unknown$/);
    expect(rows[0]).toMatchObject({ workload: "fan-out", n: 100 });
    rmSync(out, { recursive: true });
  });
});
