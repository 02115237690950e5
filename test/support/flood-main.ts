/** `node flood-main.ts URL STREAM COUNT BYTES`: says "ready", and at a line on standard input appends so many messages and publishes as many; says "done". */
import { once } from "node:events";
import { connectNats } from "../../src/bus/nats/bus.ts";

const [url, name, count, bytes] = process.argv.slice(2) as [string, string, string, string];
const bus = await connectNats({ servers: url });
const data = new Uint8Array(Number(bytes));
console.log("ready");
await once(process.stdin, "data");
await Promise.all(
  Array.from({ length: Number(count) }, (_, i) => {
    bus.publish(`${name}.core.${i}`, data);
    return Promise.all([bus.append(`${name}.log.${i}`, data), bus.append(`${name}.queue.${i}`, new Uint8Array(1000))]);
  }),
);
await bus.close();
console.log("done");
process.exit();
