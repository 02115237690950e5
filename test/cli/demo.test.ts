import { readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { tutti } from "./tutti-process.ts";

const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const DEMO = at("scripts/demo/main.ts");
const NO_SERVER = { PATH: "", NATS_SERVER_BIN: "" };

it("the demo reports on every example document, with no server and no key", async () => {
  const { code, stdout, stderr } = await tutti([], { script: DEMO, env: NO_SERVER });
  const documents = await readdir(at("examples/documents"));
  expect(new Set(documents.map((name) => name.split(".").at(-1)))).toEqual(
    new Set(["txt", "md", "html", "pdf", "docx"]),
  );
  for (const name of documents)
    expect(stdout).toMatch(
      new RegExp(`\n${name} {2}\\w+ · \\d+ words · \\d+ sentences · (positive|neutral|negative) -?[01]\\.\\d\\d\n`),
    );
  expect(stdout.match(/^ Topics: /gm)).toHaveLength(2);
  expect(stderr).toMatch(/✔ document \S+ succeeded in \S+ \(\d+ tasks\)\n/);
  expect(stdout).toContain("local language libraries");
  expect(stdout).toMatch(/a run that outlives\s+one\s+of\s+its\s+workers/);
  expect(stdout).toMatch(/What next\?\n.*npm run tutti -- run document/);
  expect(code).toBe(0);
});

it("the demo ends with a run that outlives one of its workers, where there is a server", {
  timeout: 60_000,
}, async () => {
  const env = {
    PATH: process.env.PATH!,
    ...(process.env.NATS_SERVER_BIN && { NATS_SERVER_BIN: process.env.NATS_SERVER_BIN }),
  };
  const { code, stdout, stderr } = await tutti(["--kill"], { script: DEMO, env });
  expect(stderr).toMatch(/kill -9 \d+: one of two workers is gone, with [1-3] tasks/);
  expect(stdout).toMatch(/14 of 14 tasks succeeded; [1-3] that the dead worker had begun were finished by the other/);
  expect(code).toBe(0);
});

it("the demo refuses to kill without a server, and says how to get one", async () => {
  const { code, stderr } = await tutti(["--kill"], { script: DEMO, env: NO_SERVER });
  expect(stderr).toContain("--kill needs a nats-server, 2.9 or later, on the PATH: https://nats.io/download");
  expect(code).toBe(2);
});
