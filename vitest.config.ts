import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: "test/support/global-setup.ts",
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Real servers and processes on a busy machine may miss a deadline; a second miss is a failure. Locally, the first is.
    retry: process.env.CI ? 1 : 0,
    // Two cores are what the suite is measured on; more files at once would only wait for each other.
    maxWorkers: 2,
  },
});
