/** Retries, a timeout, a final error, a deadline and a cancellation. */
import { setTimeout as sleep } from "node:timers/promises";
import { TerminalError, TuttiError, tutti, worker } from "../src/index.ts";

const flaky = worker("flaky", {
  retry: { attempts: 3, backoff: "constant", delay: "10ms" },
  run: ({ attempt }) => {
    if (attempt < 3) throw new Error("not yet");
    return `succeeded at attempt ${attempt}`;
  },
});

const hopeless = worker("hopeless", {
  run: () => {
    throw new TerminalError("no further attempt would help");
  },
});

// The signal aborts on timeout and on cancellation: pass it to every operation that takes long.
const sleepy = worker("sleepy", {
  timeout: "50ms",
  retry: { attempts: 1 },
  run: ({ signal }) => sleep(60_000, null, { signal }),
});

const patient = worker("patient", { run: ({ signal }) => sleep(60_000, null, { signal }) });

await using app = await tutti({ workers: [flaky, hopeless, sleepy, patient] });
console.log(await app.run(flaky, {}));
await printError(app.run(hopeless, {}));
await printError(app.run(sleepy, {}));
await printError(app.run(patient, {}, { deadline: "50ms" }));

const run = await app.submit(patient, {});
await run.cancel({ reason: "it takes too long" });
await printError(run.result());

async function printError(result: Promise<unknown>): Promise<void> {
  await result.catch((error: unknown) => {
    if (error instanceof TuttiError) console.log(`${error.code} ${error.message}`);
  });
}
