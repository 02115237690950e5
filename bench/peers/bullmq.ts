/**
 * `node bullmq.ts PORT`: BullMQ flows as a contender. The worker is a separate process (`bullmq-worker.ts`).
 *
 * A flow is a tree whose children are done before their parent: a fan-out is a parent with N children, and a chain of N
 * tasks has N levels. The six-task plan is not a tree (four tasks need the same one), so its first task adds the rest
 * as a flow.
 */
import { FlowProducer, Queue, QueueEvents } from "bullmq";
import { expectResult, serveContender } from "../contender.ts";
import { DONE, QUEUE, redisAt } from "./bullmq-queue.ts";

const connection = redisAt(process.argv[2]!);
const flows = new FlowProducer({ connection });
const queue = new Queue(QUEUE, { connection });
const events = new QueueEvents(QUEUE, { connection });

/** The waiting ends of jobs, by job id. A job is entered before it is added, so that its event cannot be missed. */
const waiting = new Map<string, PromiseWithResolvers<unknown>>();
events.on("completed", ({ jobId, returnvalue }) => waiting.get(jobId)?.resolve(returnvalue));
events.on("failed", ({ jobId, failedReason }) => waiting.get(jobId)?.reject(new Error(failedReason)));
await events.waitUntilReady();

let runs = 0;
const newRun = (): string => `run-${process.pid}-${runs++}`;

async function ended(jobId: string, add: () => Promise<unknown>): Promise<unknown> {
  const end = Promise.withResolvers<unknown>();
  waiting.set(jobId, end);
  await Promise.all([add(), end.promise]);
  waiting.delete(jobId);
  return end.promise;
}

await serveContender({
  async fanOut(n) {
    const jobId = newRun();
    const from = performance.now();
    const children = Array.from({ length: n }, (_, i) => ({ name: "noop", queueName: QUEUE, data: { i }, opts: DONE }));
    const counted = await ended(jobId, () =>
      flows.add({ name: "count", queueName: QUEUE, opts: { jobId, ...DONE }, children }),
    );
    expectResult("fan-out", n, counted);
    return performance.now() - from;
  },
  async chain(n) {
    const jobId = newRun();
    const from = performance.now();
    let job = { name: "noop", queueName: QUEUE, data: { i: 7 }, opts: DONE as object };
    for (let i = 1; i < n; i++)
      job = { name: "link", queueName: QUEUE, opts: i === n - 1 ? { jobId, ...DONE } : DONE, children: [job] } as never;
    expectResult("chain", 7, ((await ended(jobId, () => flows.add(job))) as { i: number }).i);
    return (performance.now() - from) / n;
  },
  async sixTasks() {
    const run = newRun();
    const from = performance.now();
    const counted = await ended(`${run}-report`, () => queue.add("extract", { run, i: 1 }, DONE));
    expectResult("six tasks", 4, counted);
    return performance.now() - from;
  },
});
// Exits without closing, which would wait for a server that may have ended.
process.exit(0);
