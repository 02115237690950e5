import { defineConfig } from "vitest/config";

/** `npm run test:foreign`: apart from the suite, because it needs Python with nats-py, jq and the nats command line. */
export default defineConfig({
  test: { include: ["test/foreign/**/*.foreign.ts"], testTimeout: 60_000, hookTimeout: 60_000, fileParallelism: false },
});
