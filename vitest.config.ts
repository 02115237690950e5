import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: "test/support/global-setup.ts",
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Two cores are what the suite is measured on; more files at once would only wait for each other.
    maxWorkers: 2,
  },
});
