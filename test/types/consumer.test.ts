import { execFile, spawnSync } from "node:child_process";
import { cp, mkdtemp, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compile, REPOSITORY } from "../support/compile.ts";

const PROGRAM = `
import { z } from "zod";
import { plan, tutti, worker } from "tutti";
import { startTestTutti } from "tutti/testing";
const greet = worker("greet", { input: z.object({ name: z.string() }), run: ({ input }) => ({ greeting: input.name }) });
const app = await tutti({ workers: [greet] });
const { greeting }: { greeting: string } = await app.run(greet, { name: "Ada" });
await app.stop();
export { greeting, plan, startTestTutti };
`;

/** The package as it is published, beside its dependencies. */
let built: string;
beforeAll(async () => {
  built = await mkdtemp(join(tmpdir(), "tutti-package-"));
  const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");
  const options = ["-p", join(REPOSITORY, "tsconfig.build.json"), "--outDir", join(built, "dist")];
  await promisify(execFile)(process.execPath, [tsc, ...options]);
  await cp(join(REPOSITORY, "package.json"), join(built, "package.json"));
  await symlink(join(REPOSITORY, "node_modules"), join(built, "node_modules"));
}, 120_000);
afterAll(() => rm(built, { recursive: true }));

describe("the built package", () => {
  it.each([
    ["Node's types", ["es2022"], ["node"]],
    ["the DOM's types", ["es2022", "dom"], []],
  ])(
    "is accepted by a plain ES2022 project with %s, which checks libraries too",
    { timeout: 120_000 },
    async (_, lib, types) => {
      const installed = (name: string) => join(REPOSITORY, "node_modules", name);
      const errors = await compile({
        compilerOptions: {
          target: "es2022",
          module: "nodenext",
          strict: true,
          noEmit: true,
          skipLibCheck: false,
          lib,
          types,
        },
        files: { "program.ts": PROGRAM },
        modules: {
          tutti: built,
          zod: installed("zod"),
          "@types/node": installed("@types/node"),
          "undici-types": installed("undici-types"),
        },
      });
      expect(errors).toEqual([]);
    },
  );

  it.each(["index.js", "testing.js"])("says which Node %s needs, in one line, on an older one", (file) => {
    const asOld = `Object.defineProperty(process.versions, "node", { value: "20.19.0" })`;
    const script = join(built, "dist", file);
    const { status, stderr } = spawnSync(
      process.execPath,
      ["--input-type=module", "-e", `${asOld}; await import(${JSON.stringify(script)});`],
      { encoding: "utf8" },
    );
    expect(stderr).toBe("tutti needs Node 24 or later, and this is Node 20.19.0: see https://nodejs.org/en/download\n");
    expect(status).toBe(1);
  });
});
