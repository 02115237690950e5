/** A client without orchestrator and workers. It needs the contract and the server's address. */
import { tutti } from "../../src/index.ts";
import { bus, shout } from "./shout.ts";

await using app = await tutti({ bus, orchestrator: false });
const run = await app.submit(shout, { text: process.argv[2] ?? "tutti" });
for await (const event of run.watch()) {
  if (event.kind === "task") console.log(`${event.task.type} ${event.task.state}`);
}
console.log((await run.result()).text);
