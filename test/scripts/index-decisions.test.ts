import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { indexDecisions } from "../../scripts/index-decisions.ts";

it("the index lists every decision (npm run decisions)", () => {
  const index = readFileSync(new URL("../../docs/decisions/README.md", import.meta.url), "utf8");
  expect(index).toBe(indexDecisions());
  expect(indexDecisions().match(/^- \d{4} \(\d{4}-\d\d-\d\d\): \[[^\]]+\]\(\d{4}-[a-z0-9-]+\.md\)$/gm)!.length).toBe(
    indexDecisions().match(/^- /gm)!.length,
  );
});
