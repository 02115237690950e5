/** A worker process. It needs a NATS server and, to get tasks, an orchestrator on the same server. */
import { tutti, worker } from "../../src/index.ts";
import { bus, shout } from "./shout.ts";

const shouting = worker(shout, ({ input }) => ({ text: `${input.text.toUpperCase()}!` }));

const app = await tutti({ workers: [shouting], bus, orchestrator: false });
console.log(`worker ready on ${app.bus}`);
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => void app.stop());
