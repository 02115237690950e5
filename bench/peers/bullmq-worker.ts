/** `node bullmq-worker.ts PORT CONCURRENCY`: executes the jobs of the BullMQ contender. */
import { FlowProducer, type Job, Worker } from "bullmq";
import { DONE, QUEUE, redisAt } from "./bullmq-queue.ts";

const connection = redisAt(process.argv[2]!);
const flows = new FlowProducer({ connection });

const processors: Readonly<Record<string, (job: Job) => Promise<unknown>>> = {
  noop: async ({ data }) => ({ i: data.i }),
  link: async (job) => ({ i: Object.values(await job.getChildrenValues<{ i: number }>())[0]!.i }),
  count: async (job) => Object.values(await job.getChildrenValues()).length,
  async extract({ data: { run, i } }) {
    const parts = [1, 2, 3, 4].map(() => ({ name: "noop", queueName: QUEUE, data: { i }, opts: DONE }));
    await flows.add({ name: "count", queueName: QUEUE, opts: { jobId: `${run}-report`, ...DONE }, children: parts });
    return { i };
  },
};

const worker = new Worker(QUEUE, (job) => processors[job.name]!(job), {
  connection,
  concurrency: Number(process.argv[3]),
});
worker.on("error", (error) => console.error(error));
await worker.waitUntilReady();
console.log("ready");
// This process ends with the process that started it.
process.stdin.resume().once("end", () => process.exit(0));
