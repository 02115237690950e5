/**
 * Measures the throughput of the memory bus alone: appends, and the bus's part of a task (append to a work queue, pull,
 * append the result to the log, follow the log, ack), without machines and handlers, on one thread.
 *
 *   node bench/memory-bus.ts [tasks]     (default 400,000)
 */
import { createMemoryBus } from "../src/bus/memory/bus.ts";

const TASKS = Number(process.argv[2] ?? 400_000);
const SHARDS = 16;
const IN_FLIGHT = 1_000;
const data = new Uint8Array(200);

await using bus = createMemoryBus();
await bus.ensureStream({ name: "T", subjects: ["tasks.>"], retention: "work-queue", onePerSubject: true });
await bus.ensureStream({ name: "L", subjects: ["log.>"], retention: "limits", maxAgeMs: 7 * 24 * 3_600_000 });
await bus.ensureConsumer({ stream: "T", name: "c", filter: "tasks.echo.>", ackWaitMs: 30_000, maxAckPending: 10_000 });

report(
  "appends, 1,000 in flight",
  TASKS,
  await time(() => inFlight(TASKS, (i) => bus.append(`log.x.${i % 1000}.result`, data))),
);

let followed = 0;
let onFollowed = (): void => {};
for (let shard = 0; shard < SHARDS; shard++)
  await bus.follow("L", `log.default.${shard}.>`, () => {
    followed++;
    onFollowed();
  });
const worker = await bus.pull("T", "c", (delivery) => {
  void bus.append(`log.default.${delivery.sequence % SHARDS}.run${delivery.sequence >> 7}.result`, data).then(() => {
    delivery.ack();
    worker.demand(1);
  });
});
worker.demand(IN_FLIGHT);

let made = 0;
const dispatch = () => bus.append(`tasks.echo.normal.1.default.run${made >> 7}.task${made++}.1`, data);
const cycle = async (tasks: number) => {
  const end = followed + tasks;
  const finished = new Promise<void>((resolve) => {
    onFollowed = () => followed === end && resolve();
  });
  await Promise.all([inFlight(tasks, dispatch), finished]);
};
report(`task cycles, ${IN_FLIGHT} in flight`, TASKS, await time(() => cycle(TASKS)));

const alone = 20_000;
const seconds = await time(async () => {
  for (let i = 0; i < alone; i++) await cycle(1);
});
report("task cycles, one at a time", alone, seconds);

/** Calls `run` `count` times with `IN_FLIGHT` of them unfinished at a time. */
async function inFlight(count: number, run: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) await run(next++);
  };
  await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, count) }, lane));
}

async function time(run: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await run();
  return (performance.now() - start) / 1000;
}

function report(what: string, count: number, seconds: number): void {
  const rate = Math.round(count / seconds).toLocaleString("en");
  console.log(`${what}: ${rate}/s (${((seconds / count) * 1e6).toFixed(1)} µs each)`);
}
