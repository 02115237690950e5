/**
 * The floor: the least work that any durable orchestrator on JetStream does for a task, without any orchestration. This
 * process publishes to a work queue (file storage, one message per subject) and follows a log; another takes the
 * messages, appends their results to the log in group commits, and acknowledges them.
 *
 *     npx node bench/floor.ts nats://127.0.0.1:4222   is its worker; `startFloor` starts it
 */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, createInbox, type NatsConnection } from "@nats-io/transport-node";
import { cpuMicrosOf } from "./server.ts";

export interface Floor {
  /** Resolves with the milliseconds for `n` tasks that are dispatched at once. */
  fanOut(n: number): Promise<number>;
  /** Resolves with the milliseconds for a single task. */
  hop(): Promise<number>;
  /** The processor time that the worker process has used so far, in microseconds. */
  workerCpuMicros(): number;
  stop(): Promise<void>;
}

interface Task {
  readonly id: string;
  readonly i: number;
}

const TASKS = "FLOOR_TASKS";
const LOG = "FLOOR_LOG";

export async function startFloor(url: string): Promise<Floor> {
  const connection = await connect({ servers: url });
  const manager = await jetstreamManager(connection);
  for (const name of [TASKS, LOG]) await manager.streams.delete(name).catch(() => {});
  await manager.streams.add({
    name: TASKS,
    subjects: ["floor.tasks.>"],
    retention: "workqueue",
    storage: "file",
    discard: "new",
    discard_new_per_subject: true,
    max_msgs_per_subject: 1,
  });
  await manager.streams.add({ name: LOG, subjects: ["floor.log.>"], storage: "file" });
  const order = { durable_name: "noop", ack_policy: "explicit", max_ack_pending: 10_000 } as const;
  await manager.consumers.add(TASKS, order);
  const worker = await startWorker(url);
  let onResult: (result: Task) => void = () => {};
  const log = await jetstream(connection).consumers.get(LOG, { filter_subjects: "floor.log.>" });
  await log.consume({
    max_messages: 1000,
    callback: (message) => {
      for (const result of message.json<Task[]>()) onResult(result);
    },
  });
  const publish = createPublisher(connection);
  let runs = 0;
  const dispatch = (run: string, i: number) =>
    publish(`floor.tasks.${run}.${i}`, JSON.stringify({ id: `${run}/${i}`, i, type: "noop", input: { i } }));
  return {
    async fanOut(n) {
      const run = `f${runs++}`;
      const prefix = `${run}/`;
      const seen = new Set<string>();
      const done = Promise.withResolvers<void>();
      onResult = ({ id }) => {
        if (id.startsWith(prefix) && seen.add(id).size === n) done.resolve();
      };
      const from = performance.now();
      const sent: Promise<unknown>[] = [];
      for (let i = 0; i < n; i++) {
        sent.push(dispatch(run, i));
        if (i % 500 === 499) await new Promise((next) => setImmediate(next));
      }
      await Promise.all([done.promise, ...sent]);
      return performance.now() - from;
    },
    async hop() {
      const done = Promise.withResolvers<void>();
      onResult = () => done.resolve();
      const from = performance.now();
      await Promise.all([done.promise, dispatch(`h${runs++}`, 0)]);
      return performance.now() - from;
    },
    workerCpuMicros: () => cpuMicrosOf(worker.pid!),
    async stop() {
      worker.kill();
      await connection.close();
    },
  };
}

async function startWorker(url: string): Promise<ChildProcess> {
  const worker = spawn(process.execPath, [fileURLToPath(import.meta.url), url], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await new Promise((ready) => worker.stdout.once("data", ready));
  return worker;
}

async function work(url: string): Promise<void> {
  const connection = await connect({ servers: url });
  const commit = createPublisher(connection);
  const consumer = await jetstream(connection).consumers.get(TASKS, "noop");
  let batch: { ack: () => void; result: unknown }[] = [];
  const flush = async () => {
    const settled = batch;
    batch = [];
    await commit("floor.log.results", JSON.stringify(settled.map(({ result }) => result)));
    for (const { ack } of settled) ack();
  };
  await consumer.consume({
    max_messages: 500,
    callback: (message) => {
      const { id, i } = message.json<Task>();
      const size = batch.push({ ack: () => message.ack(), result: { id, output: { i } } });
      if (size === 1) setImmediate(() => void flush());
    },
  });
  // This process ends with the process that started it.
  process.stdin.resume().once("end", () => process.exit(0));
  console.log("ready");
}

/** Publishes with one shared reply inbox and checks every acknowledgement; 2,000 in flight. */
function createPublisher(connection: NatsConnection): (subject: string, payload: string) => Promise<unknown> {
  const prefix = createInbox();
  const waiting = new Map<string, PromiseWithResolvers<unknown>>();
  const room: (() => void)[] = [];
  let next = 0;
  connection.subscribe(`${prefix}.*`, {
    callback: (_, message) => {
      const id = message.subject.slice(prefix.length + 1);
      const answer = waiting.get(id);
      waiting.delete(id);
      const ack = message.json<{ error?: { description: string } }>();
      if (ack.error) answer?.reject(new Error(ack.error.description));
      else answer?.resolve(ack);
      room.shift()?.();
    },
  });
  return async (subject, payload) => {
    if (waiting.size >= 2000) await new Promise<void>((free) => room.push(free));
    const id = String(next++);
    const answer = Promise.withResolvers<unknown>();
    waiting.set(id, answer);
    connection.publish(subject, payload, { reply: `${prefix}.${id}` });
    return answer.promise;
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await work(process.argv[2]!);
