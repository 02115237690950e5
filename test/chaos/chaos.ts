import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Tutti } from "../../src/app.ts";
import { connectNats } from "../../src/bus/nats/bus.ts";
import type { Bus } from "../../src/bus/port.ts";
import { createTopology, type Topology } from "../../src/bus/topology.ts";
import { messageOf } from "../../src/core/error.ts";
import { encodeJson } from "../../src/core/json.ts";
import { createVirtualClock } from "../../src/core/virtual-clock.ts";
import { tutti } from "../../src/tutti.ts";
import { Chance } from "../simulation/chance.ts";
import { type NatsServer, startNatsServer } from "../support/nats-server.ts";
import { Player } from "./cast.ts";
import { Failovers } from "./failovers.ts";
import { compose, type Request } from "./score.ts";

export interface ChaosOptions {
  readonly seconds: number;
  readonly runs: number;
  readonly seed: number;
  readonly orchestrators: number;
  readonly workers: number;
  readonly leaseMs: number;
  readonly serverRestarts: number;
  readonly onLine?: (line: string) => void;
}

export interface ChaosReport {
  readonly runs: number;
  /** Runs without an end. */
  readonly lost: number;
  readonly violations: readonly string[];
  /** Tasks in all runs; the counted ones; the executions of those whose executions are written down, and those needed. */
  readonly tasks: number;
  readonly counted: number;
  readonly executed: number;
  readonly needed: number;
  /** Executions that began after the log had the attempt's result. */
  readonly afterTheEnd: number;
  readonly kills: number;
  readonly pauses: number;
  readonly serverRestarts: number;
  readonly failoverMs: readonly number[];
  readonly seconds: number;
  /** Where the evidence of violations is. */
  readonly evidence: string | undefined;
}

/** How long the runs may take to end once nothing is killed any more. */
const PATIENCE_MS = 60_000;
/** Longer than most pauses: what a stopped worker is given again and again counts as deliveries without a result. */
const ACK_WAIT_MS = 10_000;
const PREFIX = "chaos";

export async function unleash(options: ChaosOptions): Promise<ChaosReport> {
  const folder = mkdtempSync(join(tmpdir(), "tutti-chaos-"));
  const timeline: string[] = [];
  const began = performance.now();
  const say = (line: string) => {
    const stamped = `${((performance.now() - began) / 1000).toFixed(2).padStart(7)} ${line}`;
    timeline.push(stamped);
    options.onLine?.(stamped);
  };
  const server = await startNatsServer();
  const timing = { ackWaitMs: ACK_WAIT_MS, presenceTtlMs: options.leaseMs };
  const topology = createTopology({ prefix: PREFIX, ...timing });
  const effects = join(folder, "effects");
  writeFileSync(effects, "");
  const common = { bus: server.url, prefix: PREFIX, shards: 16, concurrency: 8, timing };
  const player = (role: Player["role"], i: number) =>
    new Player(role, `${role}-${i}`, common, folder, { CHAOS_EFFECTS: effects, NATS_URL: server.url });
  const cast = [
    ...Array.from({ length: options.orchestrators }, (_, i) => player("orchestrator", i)),
    ...Array.from({ length: options.workers }, (_, i) => player("worker", i)),
  ];
  const chance = new Chance(createVirtualClock({ seed: options.seed }).random);
  const bus = await connectNats({ servers: server.url, name: "chaos" });
  let app: Tutti | undefined;
  const violations: string[] = [];
  try {
    await Promise.all(cast.map((one) => one.start()));
    app = await tutti({ bus: server.url, prefix: PREFIX, orchestrator: false, timing, env: {} });
    const requests = await compose(chance, options.runs);
    const failovers = await Failovers.open(bus, topology, say);
    say(
      `${cast.length} processes are ready; ${requests.length} runs within ${options.seconds} s, seed ${options.seed}`,
    );
    const storm = rage({ cast, chance, server, failovers, say, ...options });
    const ended = await perform(requests, { app, bus, topology, withinMs: options.seconds * 1000, storm: storm.over });
    const figures = await storm.over;
    await failovers.settled();
    let lost = 0;
    for (const [i, outcome] of ended.entries()) {
      const { run, expected } = requests[i]!;
      if (outcome === "lost") lost++;
      if (outcome === "lost") violations.push(`run ${run} has not ended ${PATIENCE_MS} ms after the last kill`);
      else if ("error" in outcome) violations.push(`run ${run} failed: ${messageOf(outcome.error)}`);
      else if (!isDeepStrictEqual(outcome.output, expected.output))
        violations.push(
          `run ${run}: expected ${JSON.stringify(expected.output)}, received ${JSON.stringify(outcome.output)}`,
        );
    }
    const counted = await countTasks(app, requests, ended, violations);
    const executions = countExecutions(effects, counted.settledAt);
    const silent = new Set(requests.filter((one) => one.type === "document").map((one) => one.run));
    for (const key of counted.settledAt.keys())
      if (!executions.times.has(key) && !silent.has(key.slice(0, key.indexOf(" "))))
        violations.push(`attempt ${key} is counted and was never executed`);
    await expectEmptyQueue(bus, topology, violations);
    say(`over: ${violations.length} violations`);
    return {
      runs: requests.length,
      lost,
      violations,
      tasks: requests.reduce((all, one) => all + one.expected.tasks, 0),
      counted: counted.tasks,
      executed: executions.executed,
      needed: executions.needed,
      afterTheEnd: executions.afterTheEnd,
      ...figures,
      failoverMs: failovers.times,
      seconds: (performance.now() - began) / 1000,
      evidence: violations.length > 0 ? folder : undefined,
    };
  } catch (error) {
    violations.push(messageOf(error));
    throw error;
  } finally {
    await Promise.all(cast.map((one) => one.end()));
    await app?.stop({ graceMs: 0 });
    await bus.close();
    writeFileSync(join(folder, "timeline"), [...timeline, ...violations].join("\n"));
    await server.stop({ keep: violations.length > 0 });
    if (violations.length === 0) rmSync(folder, { recursive: true, force: true });
  }
}

interface Storm {
  /** Resolves when everybody is back. */
  readonly over: Promise<{ kills: number; pauses: number; serverRestarts: number }>;
}

/** Every second somebody is killed, or stopped for a while; now and then it is the server. */
function rage(
  options: ChaosOptions & {
    cast: readonly Player[];
    chance: Chance;
    server: NatsServer;
    failovers: Failovers;
    say: (line: string) => void;
  },
): Storm {
  const { cast, chance, server, failovers, say, seconds, leaseMs, serverRestarts } = options;
  const figures = { kills: 0, pauses: 0, serverRestarts: 0 };
  let isOver = false;
  const isAlive = (id: string) => cast.some((one) => one.id === id && one.isAlive && !one.isStopped);
  const hasOrchestrator = () => cast.some((one) => one.role === "orchestrator" && one.isReady && !one.isStopped);
  const lost = (one: Player) => {
    if (one.role === "orchestrator") failovers.lost(one.id, { isAlive, hasOrchestrator, isOver: () => isOver });
  };
  const restartsAt = Array.from({ length: serverRestarts }, (_, i) =>
    Math.round(((i + 1) * seconds) / (serverRestarts + 1)),
  );
  const returning = new Set<Promise<void>>();
  const afterwards = (work: Promise<void>) => {
    returning.add(work);
    void work.finally(() => returning.delete(work));
  };
  const strike = async (second: number) => {
    if (restartsAt.includes(second)) {
      figures.serverRestarts++;
      say("the server is killed and restarted");
      await server.kill9();
      await server.restart();
    }
    const standing = cast.filter((one) => one.isReady && !one.isStopped);
    if (standing.length === 0) return;
    const victim = chance.pick(standing);
    const returnsInMs = chance.int(0, 1000);
    if (chance.happens(0.25)) {
      figures.pauses++;
      const forMs = chance.int(200, Math.round(2.5 * leaseMs));
      say(`${victim.id} is stopped for ${forMs} ms`);
      const { id } = victim;
      victim.pause();
      if (forMs > 1.2 * leaseMs) lost(victim);
      afterwards(pause(forMs).then(() => (victim.id === id ? victim.resume() : undefined)));
      return;
    }
    figures.kills++;
    say(`${victim.id} is killed`);
    lost(victim);
    await victim.kill9();
    afterwards(
      pause(returnsInMs)
        .then(() => victim.start())
        .then(() => say(`${victim.id} is ready`)),
    );
  };
  const run = async () => {
    for (let second = 1; second <= seconds; second++) {
      await pause(1000);
      await strike(second);
    }
    await Promise.allSettled(returning);
    // Who was killed while it started comes back too.
    await Promise.all(cast.filter((one) => !one.isAlive).map((one) => one.start()));
    await pause(2 * leaseMs);
    isOver = true;
    return figures;
  };
  return { over: run() };
}

type Outcome = { readonly output: unknown } | { readonly error: unknown } | "lost";

/** Starts the runs evenly over the time given, and waits for all of them. */
async function perform(
  requests: readonly Request[],
  stage: { app: Tutti; bus: Bus; topology: Topology; withinMs: number; storm: Promise<unknown> },
): Promise<Outcome[]> {
  const { app, bus, topology, withinMs, storm } = stage;
  const everyMs = (0.9 * withinMs) / requests.length;
  const patience = storm.then(() => pause(PATIENCE_MS)).then((): Outcome => "lost");
  return Promise.all(
    requests.map(async (request, i): Promise<Outcome> => {
      await pause(i * everyMs);
      const { run, type, input, how } = request;
      const outcome = async (): Promise<Outcome> => {
        try {
          if (how === "run") return { output: await persistently(() => app.run(type, input, { run })) };
          if (how === "submit") await persistently(() => app.submit(type, input, { run }));
          else
            await persistently(() =>
              bus.append(topology.subjects.requests(type), encodeJson(input), { headers: { "Tutti-Run": run } }),
            );
          await storm;
          return { output: await eventualResult(app, run) };
        } catch (error) {
          return { error };
        }
      };
      return Promise.race([outcome(), patience]);
    }),
  );
}

/** As a caller who was told that nothing was started, or that it is not known, and asks again with the same id. */
async function persistently<T>(act: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await act();
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (code !== 503 && code !== "unconfirmed" && code !== "timeout") throw error;
      await pause(200);
    }
  }
}

/** A durable request may not have been taken up yet: then there is no such run. */
async function eventualResult(app: Tutti, run: string): Promise<unknown> {
  for (;;) {
    try {
      return await persistently(() => app.result(run));
    } catch (error) {
      if ((error as { code?: unknown }).code !== 404) throw error;
      await pause(100);
    }
  }
}

/** Every task must be counted exactly once, and the log must begin and end each run once. */
async function countTasks(
  app: Tutti,
  requests: readonly Request[],
  ended: readonly Outcome[],
  violations: string[],
): Promise<{ tasks: number; settledAt: Map<string, number> }> {
  let tasks = 0;
  const settledAt = new Map<string, number>();
  for (const [i, { run, expected }] of requests.entries()) {
    if (ended[i] === "lost") continue;
    const log = await app.log(run);
    for (const event of ["submitted", "ended"]) {
      const times = log.filter((one) => one.event === event).length;
      if (times !== 1) violations.push(`run ${run}: ${event} stands in the log ${times} times`);
    }
    for (const { event, at, body } of log) {
      if (event !== "result") continue;
      for (const { task, attempt } of (body as { results: { task: string; attempt: number }[] }).results) {
        const key = `${run} ${task} ${attempt}`;
        if (!settledAt.has(key)) settledAt.set(key, Date.parse(at));
      }
    }
    const { totals } = await app.get(run);
    tasks += totals.succeeded;
    if (totals.tasks !== expected.tasks || totals.succeeded !== expected.tasks)
      violations.push(
        `run ${run}: expected ${expected.tasks} tasks, all succeeded; received ${JSON.stringify(totals)}`,
      );
  }
  return { tasks, settledAt };
}

/** What the workers have written down, against what the log has counted. */
function countExecutions(effects: string, settledAt: ReadonlyMap<string, number>) {
  const times = new Map<string, number>();
  let executed = 0;
  let afterTheEnd = 0;
  for (const line of readFileSync(effects, "utf8").split("\n").filter(Boolean)) {
    const [run, task, attempt, at] = line.split(" ");
    const key = `${run} ${task} ${attempt}`;
    executed++;
    times.set(key, (times.get(key) ?? 0) + 1);
    if (Number(at) > (settledAt.get(key) ?? Number.POSITIVE_INFINITY)) afterTheEnd++;
  }
  return { executed, needed: times.size, afterTheEnd, times };
}

/** Nothing may be left behind on the queue. */
async function expectEmptyQueue(bus: Bus, topology: Topology, violations: string[]): Promise<void> {
  const until = performance.now() + 2 * ACK_WAIT_MS;
  for (;;) {
    const left = await bus.listSubjects(topology.streams.tasks.name, ">");
    if (left.length === 0) return;
    if (performance.now() > until) {
      violations.push(`${left.length} tasks are left on the queue: ${left.slice(0, 5).join(", ")}`);
      return;
    }
    await pause(200);
  }
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
