import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { publishMachines, withTaskChart } from "../../scripts/publish-machines.ts";

const folder = new URL("../../docs/machines/", import.meta.url);

it("the drawn machines are those of the code (npm run machines)", () => {
  const files = publishMachines();
  expect(readdirSync(folder).sort()).toEqual([...files.keys()].sort());
  for (const [name, text] of files) expect(readFileSync(new URL(name, folder), "utf8"), name).toBe(text);
});

it("the README shows the chart of a task as it is (npm run machines)", () => {
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  expect(readme).toMatch(/```mermaid\nstateDiagram-v2\n/);
  expect(withTaskChart(readme)).toBe(readme);
});
