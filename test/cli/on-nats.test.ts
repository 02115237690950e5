import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runStep } from "../../src/core/run-step.ts";
import { runSummary, runView } from "../../src/core/run-view.ts";
import { type NatsServer, startNatsServer } from "../support/nats-server.ts";
import { TuttiProcess, tutti } from "./tutti-process.ts";

const WORKERS = fileURLToPath(new URL("fixtures/workers.ts", import.meta.url));
const DEFAULT_ARRAY = fileURLToPath(new URL("fixtures/default-array.ts", import.meta.url));

let server: NatsServer;
let orchestrator: TuttiProcess;
let worker: TuttiProcess;
const call = (...args: string[]) => tutti(args, { env: { NATS_URL: server.url } });
const callJson = async (...args: string[]): Promise<unknown> => {
  const { stdout } = await call(...args, "--json");
  return JSON.parse(stdout);
};
const jsonLines = (text: string) =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

beforeAll(async () => {
  server = await startNatsServer();
  orchestrator = new TuttiProcess(["orchestrator", "--bus", server.url, "--json"]);
  await orchestrator.says('"ready":true');
  worker = new TuttiProcess(["worker", WORKERS, "builtin", "--bus", server.url, "--concurrency", "3"]);
  await worker.says("worker ready");
});
afterAll(async () => {
  await worker?.[Symbol.asyncDispose]();
  await orchestrator?.[Symbol.asyncDispose]();
  await server?.stop();
});

describe("processes on NATS", () => {
  it("say when they are ready", () => {
    expect(jsonLines(orchestrator.stdout)).toEqual([
      { ready: true, role: "orchestrator", pid: orchestrator.pid, bus: expect.stringContaining(server.url) },
    ]);
    expect(worker.stdout).toMatch(/^worker ready on nats:\S+ \(.*\), executes echo, .*document.* \(pid \d+\)\n$/);
  });

  it("are listed", async () => {
    expect(await callJson("workers")).toEqual([
      {
        worker: expect.any(String),
        types: expect.arrayContaining(["echo", "document"]),
        concurrency: 3,
        running: expect.any(Number),
        completed: expect.any(Number),
        failed: expect.any(Number),
        inquiries: expect.stringMatching(/^tutti\.worker\./),
        since: expect.stringMatching(/^\d{4}-.*Z$/),
        state: expect.any(String),
      },
    ]);
    expect((await call("workers")).stdout).toMatch(/^WORKER +RUNNING +COMPLETED +FAILED +SINCE +TYPES\n\S+ +\d\/3 /);
    expect((await call("orchestrators")).stdout).toMatch(
      /^ORCHESTRATOR +RUNS +SINCE +READS +SHARDS\n\S+ +\d+ .* 0-15\n$/,
    );
    expect(await callJson("orchestrators")).toMatchObject([{ shards: { length: 16 } }]);
  });

  it("say that nobody alive executes what a run waits for", async () => {
    const passing = new TuttiProcess(["worker", DEFAULT_ARRAY, "--bus", server.url]);
    await passing.says("worker ready");
    await passing[Symbol.asyncDispose]();
    await using run = new TuttiProcess(["run", "one", "--input", "{}", "--bus", server.url, "--deadline", "30s"]);
    await run.says("no worker that executes one is alive");
    await using back = new TuttiProcess(["worker", DEFAULT_ARRAY, "--bus", server.url]);
    await back.says("worker ready");
    expect(await run.exit()).toBe(0);
  });

  it.each(["document", "extract"])("run %s for a client, whose file's content travels", async (type) => {
    const folder = await mkdtemp(join(tmpdir(), "tutti-nats-cli-"));
    await writeFile(join(folder, "note.txt"), "The harbour is quiet. Everybody was glad.");
    const { code, stdout } = await call(
      "run",
      type,
      "--input",
      JSON.stringify({ file: join(folder, "note.txt") }),
      "-q",
    );
    await rm(folder, { recursive: true });
    expect(JSON.parse(stdout)).toMatchObject({ name: "note.txt", statistics: { words: 7 } });
    expect(code).toBe(0);
  });
});

describe("a run on NATS", () => {
  const ID = "cli-run-1";

  it("is submitted, watched, shown, logged and listed", async () => {
    expect(await call("submit", "fan", "--input", '{"n":2}', "--run", ID)).toEqual({
      code: 0,
      stdout: `${ID}\n`,
      stderr: "",
    });
    const watched = await call("watch", ID);
    expect(watched.code).toBe(0);
    expect(watched.stdout).toMatch(new RegExp(`✔ fan ${ID} succeeded in \\S+ \\(3 tasks\\)\n$`));

    const shown = runView.parse(await callJson("show", ID));
    expect(shown).toMatchObject({
      run: ID,
      type: "fan",
      status: "succeeded",
      output: { "part-0": { i: 0 }, "part-1": { i: 1 } },
    });
    expect(shown.totals).toEqual({ tasks: 3, succeeded: 3, failed: 0, cancelled: 0, executions: 3 });
    expect(shown.tasks.map(({ task, state, attempt }) => `${task} ${state} ${attempt}`).sort()).toEqual([
      "- succeeded 1",
      "part-0 succeeded 1",
      "part-1 succeeded 1",
    ]);
    const tree = (await call("show", ID)).stdout;
    expect(tree).toMatch(/\n├─ ✔ part-0 \(echo\) +\d+ms[ ┈━]*\n└─ ✔ part-1 \(echo\) +\d+ms[ ┈━]*\n/);

    const log = jsonLines((await call("log", ID, "--json")).stdout);
    expect(log[0]).toMatchObject({ event: "submitted", body: { type: "fan" }, sequence: expect.any(Number) });
    expect(log.at(-1)).toMatchObject({ event: "ended", body: { status: "succeeded" } });
    expect((await call("log", ID)).stdout).toMatch(/ {2}result {5}-: plan of 2: part-0, part-1\n/);

    const runs = runSummary.array().parse(await callJson("runs", "--limit", "100"));
    expect(runs.find(({ run }) => run === ID)).toMatchObject({ type: "fan", status: "succeeded" });
    expect((await call("runs")).stdout).toMatch(new RegExp(`^RUN +TYPE +STATUS +.*\n(.*\n)*${ID} +fan +succeeded `));
  });

  it("is shown as it stood, and explained", async () => {
    const steps = jsonLines((await call("replay", ID, "--json")).stdout).map((step) => runStep.parse(step));
    const planned = steps.find(({ tasks }) => tasks.some(({ on }) => on === "planned"))!;
    const stood = await call("replay", ID, "--at", String(planned.sequence), "--task", "part-0");
    expect(stood.stdout).toMatch(/▶ ready.*\n(.*\n)*.*returned .*→ succeeded/);
    const { code, stdout, stderr } = await call("replay", ID, "--task", "nope");
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(`run ${ID} has no task nope, or nothing has happened to it yet`);
    expect((await call("explain", ID)).stdout).toMatch(/^fan cli-run-1 succeeded after .*\n\n(.*\n)*next {7}.*replay/);
  });

  it("that its deadline has ended says so, and what was under way, wherever it is told", async () => {
    const why = "the run did not end within its deadline of 700 ms; still under way: part-0, part-1";
    const input = JSON.stringify({ n: 2, type: "endless" });
    const ran = await call("run", "fan", "--input", input, "--deadline", "700ms", "--run", "late");
    expect(ran).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining(`error: ${why}`) });
    expect(ran.stderr).toMatch(/✖ fan late failed in \S+ \(3 tasks\): the run did not end within its deadline/);
    const watched = await call("watch", "late");
    expect([watched.code, watched.stdout]).toEqual([1, expect.stringContaining(`(3 tasks): ${why}\n`)]);
    const shown = (await call("show", "late")).stdout;
    expect(shown).toMatch(/^✖ fan {2}2\/2 {2}.*the run did not end within its deadline of 700 ms/m);
    expect(shown).toContain(`error      ${why}\n`);

    const error = { code: 408, message: why, run: "late" };
    const again = await call("run", "fan", "--input", input, "--deadline", "700ms", "--run", "late", "--json");
    expect([again.code, JSON.parse(again.stdout)]).toEqual([1, { error }]);
    expect(await callJson("show", "late")).toMatchObject({ status: "failed", error });
    const events = jsonLines((await call("watch", "late", "--json")).stdout);
    expect(events.at(-1)).toMatchObject({ kind: "run", run: { status: "failed", error } });
  });

  it("is watched as JSON, one event a line, from its state to its end", async () => {
    const events = jsonLines((await call("watch", ID, "--json")).stdout);
    expect(events[0]).toMatchObject({ kind: "run", run: { run: ID } });
    expect(events).toContainEqual({
      kind: "task",
      task: expect.objectContaining({ task: "part-0", state: "succeeded" }),
    });
    expect(events.at(-1)).toMatchObject({ kind: "run", run: { status: "succeeded" } });
  });

  it("is the same run for the same id and input, and a conflict for another", async () => {
    expect(await callJson("submit", "fan", "--input", '{"n":2}', "--run", ID)).toEqual({
      run: ID,
      status: "succeeded",
    });
    const again = await call("submit", "fan", "--input", '{"n":2}', "--run", ID);
    expect(again.stdout).toBe(`${ID}\n`);
    expect(again.stderr).toMatch(/^run cli-run-1 had succeeded at \S+ \S+: nothing was started\n$/);
    const { code, stdout } = await call("submit", "fan", "--input", '{"n":3}', "--run", ID, "--json");
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 409 } });
  });

  it("is cancelled, and whoever watches it is told with exit code 1", async () => {
    await call("submit", "endless", "--run", "cli-run-2");
    await using watching = new TuttiProcess(["watch", "cli-run-2", "--bus", server.url]);
    await watching.says("endless cli-run-2 running");
    expect(await callJson("cancel", "cli-run-2", "--reason", "a test")).toEqual({ run: "cli-run-2" });
    expect(await watching.exit()).toBe(1);
    expect(watching.stdout).toContain("cancelled by the command line: a test");
    expect((await call("cancel", "cli-run-2")).code).toBe(1);
  });

  it("goes on when its watcher leaves", async () => {
    await call("submit", "endless", "--run", "cli-run-3");
    await using watching = new TuttiProcess(["watch", "cli-run-3", "--bus", server.url]);
    await watching.says("endless cli-run-3 running");
    watching.signal("SIGINT");
    expect(await watching.exit()).toBe(0);
    expect(runView.parse(await callJson("show", "cli-run-3")).status).toBe("running");
    await call("cancel", "cli-run-3");
  });

  it("that nobody knows is told with 1 and 404", async () => {
    for (const command of ["show", "watch", "log", "cancel"]) {
      const { code, stdout } = await call(command, "nowhere", "--json");
      expect({ command, code }).toEqual({ command, code: 1 });
      expect(JSON.parse(stdout)).toMatchObject({ error: { code: 404, run: "nowhere" } });
    }
  });
});

describe("a worker process", () => {
  const strayed = (how: string, waits: boolean) => call("run", "stray", "--input", JSON.stringify({ how, waits }));

  it.each([
    [
      "timer",
      /^error: a stray throw\n {2}thrown where nothing catches it by task - of run \S+; this process continues/m,
    ],
    ["promise", /^error: a stray promise\n {2}a promise that is not awaited was rejected by task - of run \S+; this/m],
  ])("outlives what handlers throw in a %s that they leave behind, and names the task", async (how, message) => {
    expect(await strayed(how, false)).toMatchObject({ code: 0, stdout: `${worker.pid}\n` });
    await expect.poll(() => worker.stderr).toMatch(message);
    // The attempt that waits for what never comes fails with it.
    const { code, stderr } = await strayed(how, true);
    expect(code).toBe(1);
    expect(stderr).toContain("task - failed: a stray");
    expect((await strayed(how, false)).stdout).toBe(`${worker.pid}\n`);
  });
});

describe("a process that is told to stop", () => {
  it.each(["SIGTERM", "SIGINT"] as const)("on %s ends with 0", async (signal) => {
    await using another = new TuttiProcess(["worker", "builtin", "--bus", server.url]);
    await another.says("worker ready");
    another.signal(signal);
    expect(await another.exit()).toBe(0);
  });

  it("waits for what it has in hand, but not on a second signal", async () => {
    await using another = new TuttiProcess([
      "worker",
      fileURLToPath(new URL("fixtures/stubborn.ts", import.meta.url)),
      "--bus",
      server.url,
    ]);
    await another.says("worker ready");
    await call("submit", "stubborn", "--run", "cli-run-4");
    await another.says("stubborn begins");
    another.signal("SIGTERM");
    await another.says("SIGTERM: finishing work in progress; again to exit at once");
    another.signal("SIGTERM");
    expect(await another.exit()).toBe(143);
  });
});
