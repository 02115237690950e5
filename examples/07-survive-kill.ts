/**
 * `kill -9` in the middle of a run, then a redrive. This program starts three processes: the orchestrator, a worker
 * that is killed while it pays an invoice, and a worker that replaces it. The run continues and fails, because the bank
 * is closed; when the bank is open, the run is redriven from the failed task. Set NATS_URL to a server (2.9 or later,
 * with JetStream).
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { plan, TerminalError, TuttiError, task, tutti, worker } from "../src/index.ts";

const bus = process.env.NATS_URL ?? "nats://127.0.0.1:4222";
/** The time without a word from its worker after which a task is given to another. */
const timing = { ackWaitMs: 1000 };

const payAll = task("pay-all", {
  input: z.object({ invoices: z.array(z.string()) }),
  output: z.record(z.string(), z.unknown()),
});

if (process.argv[2] === "worker") await work(process.argv[3] === "open");
else await orchestrate();

async function work(bankIsOpen: boolean): Promise<void> {
  const pay = worker("pay", {
    input: z.object({ invoice: z.string() }),
    output: z.object({ paid: z.boolean() }),
    // The key is the same in every execution of the task, so a bank that remembers it pays once.
    run: async ({ input: { invoice }, idempotencyKey, signal }) => {
      console.log(`paying ${invoice} (${idempotencyKey})`);
      await sleep(500, undefined, { signal });
      if (invoice === "second" && !bankIsOpen) throw new TerminalError("the bank is closed");
      return { paid: true };
    },
  });
  const paying = worker(payAll, ({ input }) =>
    plan((p) => {
      for (const invoice of input.invoices) p.task(pay, { invoice }, { key: invoice });
    }),
  );
  await tutti({ bus, timing, workers: [paying, pay], orchestrator: false });
  console.log("worker ready");
}

async function orchestrate(): Promise<void> {
  await using app = await tutti({ bus, timing });
  let worker = await startWorker("closed");
  const run = await app.submit(payAll, { invoices: ["first", "second"] });
  await worker.says("paying");
  worker.process.kill("SIGKILL");
  console.log("killed the worker in the middle of a payment");
  worker = await startWorker("closed");
  try {
    await run.result();
  } catch (error) {
    console.log(error instanceof TuttiError ? error.message : error);
  }
  worker.process.kill("SIGTERM");
  worker = await startWorker("open");
  await app.dead.redrive(run.run);
  console.log(await run.result());
  worker.process.kill("SIGTERM");
}

async function startWorker(bank: "open" | "closed") {
  const script = fileURLToPath(import.meta.url);
  const process_ = spawn(process.execPath, [script, "worker", bank], { stdio: ["ignore", "pipe", "inherit"] });
  process.once("exit", () => void process_.kill("SIGKILL"));
  const says = async (what: string): Promise<void> => {
    for (;;) {
      const [data] = (await once(process_.stdout, "data")) as [Buffer];
      if (String(data).includes(what)) return;
    }
  };
  await says("worker ready");
  return { process: process_, says };
}
