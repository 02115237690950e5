import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { MUTATIONS } from "./mutations.ts";

const script = fileURLToPath(new URL("../../scripts/simulate.ts", import.meta.url));

/** In a process of its own: mutants are made where modules are loaded, and here the test runner does that. */
it.each(MUTATIONS.map(({ name }) => name))("the simulator finds it when we %s", { timeout: 600_000 }, async (name) => {
  const found = await promisify(execFile)(process.execPath, [script, "--mutations", "--only", name]);
  expect(found.stdout).toMatch(new RegExp(`^found: ${name} `));
});

it("each deliberate bug replaces one place of the code", () => {
  const times = MUTATIONS.map(({ name, file, snippet }) => {
    const text = readFileSync(new URL(`../../src/${file}`, import.meta.url), "utf8");
    return [name, text.split(snippet).length - 1];
  });
  expect(times.filter(([, count]) => count !== 1)).toEqual([]);
});
