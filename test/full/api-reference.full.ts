import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { publishApi } from "../../scripts/publish-api.ts";

const published = fileURLToPath(new URL("../../docs/api", import.meta.url));

it("the reference says what the docstrings say (npm run api)", () => {
  const folder = mkdtempSync(join(tmpdir(), "tutti-api-"));
  try {
    publishApi(folder);
    expect(readdirSync(published).sort()).toEqual(readdirSync(folder).sort());
    for (const page of readdirSync(folder))
      expect(readFileSync(join(published, page), "utf8"), page).toBe(readFileSync(join(folder, page), "utf8"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
