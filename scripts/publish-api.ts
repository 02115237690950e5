/** Writes the reference of the public API, `docs/api`, from its docstrings: `npm run api`. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * The packages that create the reference. They need the compiler's API, which TypeScript 7 does not have, so they are
 * not dependencies of this package: npm fetches these versions when the reference is created.
 */
const PACKAGES = ["typescript@6.0.3", "typedoc@0.28.20", "typedoc-plugin-markdown@4.14.1"];

/** Writes the pages into `folder`. A public name whose type is not exported is an error. */
export function publishApi(folder: string): void {
  const packages = PACKAGES.map((name) => `--package=${name}`);
  execFileSync("npm", ["exec", "--yes", ...packages, "--", "typedoc", "--logLevel", "Warn", "--out", folder], {
    cwd: root,
    stdio: "inherit",
  });
}

if (import.meta.main) publishApi(`${root}/docs/api`);
