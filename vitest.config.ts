import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: "test/support/global-setup.ts",
    // What a test waits for has a limit of its own, and says what it was. These are for a machine that is busy otherwise.
    testTimeout: 180_000,
    hookTimeout: 120_000,
    // Two cores are what the suite is measured on; more files at once would only wait for each other.
    maxWorkers: 2,
  },
});
