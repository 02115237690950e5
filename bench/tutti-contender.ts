/** `node tutti-contender.ts [URL]`: Tutti as a contender, as a client on NATS or embedded in this process. */
import { tutti } from "../src/tutti.ts";
import { serveContender } from "./contender.ts";
import { runChain, runFanOut, runSixTasks } from "./load.ts";
import { WORKERS } from "./workers.ts";

const bus = process.argv[2];
const app = await tutti(bus ? { bus, orchestrator: false } : { workers: WORKERS.plans, concurrency: 500 });
await serveContender({
  fanOut: (n) => runFanOut(app, n),
  chain: (n) => runChain(app, n),
  sixTasks: () => runSixTasks(app),
});
await app.stop();
