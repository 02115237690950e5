import { readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { tutti } from "./tutti-process.ts";

const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

it("the demo reports on every example document, with no server and no key", async () => {
  const env = { PATH: "", NATS_SERVER_BIN: "" };
  const { code, stdout, stderr } = await tutti([], { script: at("scripts/demo.ts"), env });
  const documents = await readdir(at("examples/documents"));
  expect(new Set(documents.map((name) => name.split(".").at(-1)))).toEqual(
    new Set(["txt", "md", "html", "pdf", "docx"]),
  );
  for (const name of documents)
    expect(stdout).toMatch(
      new RegExp(`\n${name} {2}\\w+ · \\d+ words · \\d+ sentences · (positive|neutral|negative) -?[01]\\.\\d\\d\n`),
    );
  expect(stderr).toMatch(/✔ document \S+ succeeded in \S+ \(\d+ tasks\)\n$/);
  expect(stdout).toContain("local language libraries");
  expect(stdout).toMatch(/What next\?\n.*npm run tutti -- run document/);
  expect(code).toBe(0);
});
