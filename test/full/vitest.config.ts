import { defineConfig } from "vitest/config";

/** `npm run test:full`: what needs more than Node and a nats-server, or more time than a change can wait for. */
export default defineConfig({
  test: { include: ["test/full/**/*.full.ts"], testTimeout: 300_000, hookTimeout: 300_000, fileParallelism: false },
});
