import { describe, expect, it } from "vitest";
import { cutTo, plain } from "../../src/cli/style.ts";
import { renderTable } from "../../src/cli/table.ts";

describe("a table", () => {
  it("aligns its columns, numbers to the right", () => {
    expect(
      renderTable(
        ["RUN", "TASKS", "TYPE"],
        [
          ["r1", "5", "document"],
          ["run-22", "12,000", ""],
        ],
        { paint: plain, right: ["TASKS"] },
      ),
    ).toEqual(["RUN      TASKS  TYPE", "r1           5  document", "run-22  12,000"]);
  });

  it("does not count colours as width", () => {
    const rows = renderTable(
      ["A", "B"],
      [
        ["\x1b[31mred\x1b[39m", "x"],
        ["green", "y"],
      ],
      { paint: plain },
    );
    expect(rows.slice(1)).toEqual(["\x1b[31mred\x1b[39m    x", "green  y"]);
  });
});

describe("a table on a narrow window", () => {
  const heading = ["RUN", "STATUS", "ERROR"];
  const rows = [
    ["0VcG4SnSDBYWTO1MQCEP", "failed", "page 3 of the report could not be fetched"],
    ["r2", "succeeded", ""],
  ];

  it("folds its last column between words", () => {
    expect(renderTable(heading, rows, { paint: plain, width: 60 })).toEqual([
      "RUN                   STATUS     ERROR",
      "0VcG4SnSDBYWTO1MQCEP  failed     page 3 of the report could",
      "                                 not be fetched",
      "r2                    succeeded",
    ]);
  });

  it("becomes a record for each row, with nothing cut", () => {
    expect(renderTable(heading, rows, { paint: plain, width: 40 })).toEqual([
      "RUN     0VcG4SnSDBYWTO1MQCEP",
      "STATUS  failed",
      "ERROR   page 3 of the report could not",
      "        be fetched",
      "",
      "RUN     r2",
      "STATUS  succeeded",
    ]);
  });
});

describe("cutting a line to the window", () => {
  it("leaves what fits", () => {
    expect(cutTo("12345", 5)).toBe("12345");
  });

  it("marks what is missing and keeps the colours' ends", () => {
    expect(cutTo("\x1b[31mabcdef\x1b[39m gh", 4)).toBe("\x1b[31mabc…\x1b[39m");
    expect(cutTo("ab\x1b[31mcdef\x1b[39m", 4)).toBe("ab\x1b[31mc…\x1b[39m");
  });
});
