import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Tutti, WatchEvent } from "../../src/app.ts";
import { createDisplay, type Display } from "../../src/cli/display.ts";
import { startServer } from "../../src/cli/local-server.ts";
import { tutti } from "../../src/index.ts";
import { ACK_WAIT_MS, survey } from "./survey.ts";

const STATIONS = 12;
/** The number of measurements after which the worker is killed. */
const KILL_AFTER = 3;

const WORKER = fileURLToPath(new URL("survey-worker.ts", import.meta.url));

/** The outcome of a run one of whose workers was killed. */
export interface Survival {
  readonly tasks: number;
  readonly succeeded: number;
  /** The number of attempts that were begun by one worker and finished by another. */
  readonly taken: number;
}

/**
 * Executes a run of fourteen tasks on two worker processes and a nats-server of its own. During the run, one of the
 * workers is killed with SIGKILL, and the other gets its tasks. Shows the tree, and resolves with the outcome.
 */
export async function surviveKill(natsServer: string, out: NodeJS.WriteStream): Promise<Survival> {
  const folder = await mkdtemp(join(tmpdir(), "tutti-demo-"));
  const workers: ChildProcess[] = [];
  try {
    await using server = await startServer(natsServer, folder);
    await using app = await tutti({ bus: server.url, timing: { ackWaitMs: ACK_WAIT_MS }, onLog: () => {} });
    workers.push(...(await Promise.all([startWorker(server.url), startWorker(server.url)])));
    const { run } = await app.submit(survey, { stations: STATIONS });
    using display = createDisplay(out);
    const taken = await watchAndKill(app, run, display, workers[0]!);
    const { totals } = await app.get(run);
    return { tasks: totals.tasks, succeeded: totals.succeeded, taken };
  } finally {
    for (const worker of workers) worker.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  }
}

async function startWorker(url: string): Promise<ChildProcess> {
  const worker = spawn(process.execPath, [WORKER, url], { stdio: ["ignore", "pipe", "inherit"] });
  const kill = () => void worker.kill("SIGKILL");
  process.once("exit", kill);
  worker.once("exit", () => process.off("exit", kill));
  const [first] = await Promise.race([once(worker.stdout!, "data"), once(worker, "exit")]);
  if (!String(first).startsWith("ready")) throw new Error(`a worker of the demo ended at once (${first})`);
  return worker;
}

/**
 * Shows the run to its end, and kills `victim` meanwhile. Resolves with the number of its tasks that another worker
 * finished.
 */
async function watchAndKill(app: Tutti, run: string, display: Display, victim: ChildProcess): Promise<number> {
  /** The worker that runs each task, according to live messages. */
  const running = new Map<string, string>();
  const doomed = new Map<string, string>();
  let measured = 0;
  let taken = 0;
  for await (const event of app.watch(run)) {
    display.show(event);
    const task = taskOf(event);
    if (!task?.worker) continue;
    if (task.state === "running") running.set(task.task, task.worker);
    if (task.state !== "succeeded") continue;
    running.delete(task.task);
    const first = doomed.get(task.task);
    if (first !== undefined && first !== task.worker) taken++;
    if (++measured !== KILL_AFTER) continue;
    const name = (await app.workers()).find(({ worker }) => worker.includes(`-${victim.pid}-`))?.worker;
    victim.kill("SIGKILL");
    for (const [id, worker] of running) if (worker === name) doomed.set(id, worker);
    display.note(
      `kill -9 ${victim.pid}: one of two workers is gone, with ${doomed.size} tasks; after ${ACK_WAIT_MS / 1000} s of silence the other gets them`,
    );
  }
  return taken;
}

const taskOf = (event: WatchEvent) => (event.kind === "task" ? event.task : undefined);
