import { describe, expect, it } from "vitest";
import { describeTable } from "../../src/builtins/language/table-summary.ts";
import { readTable } from "../../src/builtins/reading/csv.ts";

describe("a table whose quotes are wrong loses no rows", () => {
  it("keeps the rows after a quote that is never closed", async () => {
    expect(await readTable('a,b\n1,"x\n2,3\n4,5')).toBe('a\tb\n1\t"x\n2\t3\n4\t5');
  });
  it("keeps them in a large file too", async () => {
    const rows = "2,3\n".repeat(400_000);
    expect((await readTable(`a,b\n1,"x\n${rows}`)).split("\n")).toHaveLength(400_002);
  });
  it("keeps a stray quote as text", async () => {
    expect(await readTable('a,b\n1,x"y\n')).toBe('a\tb\n1\tx"y');
  });
});

describe("numbers of a table", () => {
  it.each([
    [["1,5", "10", "2,25"], "1,5 to 10"],
    [["1,500", "20", "300"], "20 to 1,500"],
    [["1.5", "0.25"], "0.25 to 1.5"],
  ])("orders %j by their values", (values, range) => {
    const table = `price\tname\n${values.map((value, i) => `${value}\tn${i}`).join("\n")}`;
    expect(describeTable(table.split("\n").map((row) => row.split("\t")))).toContain(range);
  });
});
