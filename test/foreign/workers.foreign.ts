import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Tutti, tutti } from "../../src/index.ts";
import { type NatsServer, startNatsServer } from "../support/nats-server.ts";
import { connectPlainly, type PlainClient } from "../support/plain-client.ts";
import { type Program, startProgram } from "../support/program.ts";

const path = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const python = process.env.PYTHON ?? "python3";

interface Foreign {
  readonly name: string;
  readonly type: string;
  readonly command: readonly [string, ...string[]];
  /** Each must end with 0; what to do otherwise. */
  readonly needs: readonly (readonly [how: string, command: string, ...args: string[]])[];
}

const WORKERS: readonly Foreign[] = [
  {
    name: "Python",
    type: "analyze-text",
    command: [python, path("examples/10-two-languages/worker.py")],
    needs: [
      ["install Python 3.11 or later, or set PYTHON", python, "-c", "import sys; assert sys.version_info >= (3, 11)"],
      ["pip install nats-py (set PYTHON to use a virtual environment)", python, "-c", "import nats.js"],
    ],
  },
  {
    name: "shell",
    type: "count-lines",
    command: [path("examples/10-two-languages/worker.sh")],
    needs: [
      ["install jq", "jq", "--version"],
      ["install the nats command line: https://github.com/nats-io/natscli", "nats", "--version"],
    ],
  },
];

describe.each(WORKERS)("the worker in $name", ({ name, type, command: [program, ...args], needs }) => {
  let server: NatsServer;
  let app: Tutti;
  let plain: PlainClient;
  let worker: Program;
  const start = async () => {
    worker = startProgram(program, args, { env: { NATS_URL: server.url } });
    await worker.says("ready");
  };

  beforeAll(async () => {
    for (const [how, tool, ...test] of needs)
      if (spawnSync(tool, test).status !== 0) throw new Error(`the ${name} worker cannot be tried here: ${how}`);
    server = await startNatsServer();
    app = await tutti({ bus: server.url, env: {} });
    plain = await connectPlainly(server.url);
    await start();
  });
  afterAll(async () => {
    await worker?.[Symbol.asyncDispose]();
    await plain?.close();
    await app?.stop({ graceMs: 0 });
    await server?.stop();
  });

  const output = type === "count-lines" ? { lines: 1 } : { words: 2 };

  it("executes a task", async () => {
    expect(await app.run(type, { text: "two words" })).toEqual(output);
  });

  it("takes tasks of every priority", async () => {
    for (const priority of ["high", "low"] as const)
      expect(await app.run(type, { text: "two words" }, { priority })).toEqual(output);
  });

  it("takes an input that waits in the object store", async () => {
    const words = 100_000;
    const big = await app.run(type, { text: "word ".repeat(words) });
    expect(big).toEqual(type === "count-lines" ? { lines: 1 } : { words });
  });

  it("has its input checked by the schema it registered", async () => {
    await expect(app.run(type, { text: 5 })).rejects.toMatchObject({ code: 400 });
  });

  /** Takes a queued attempt away from the worker and hands it back, so that it is delivered a second time. */
  async function redeliver(settle: boolean) {
    worker.signal("SIGTERM");
    await worker.ended;
    const { run } = await app.submit(type, { text: "two words" });
    // A pulled message keeps its own subject, so the client's shared inbox would not know it.
    const next = `$JS.API.CONSUMER.MSG.NEXT.TUTTI_TASKS.${type}_normal`;
    const message = await plain.nc.request(next, JSON.stringify({ batch: 1, expires: 10e9 }), {
      timeout: 10_000,
      noMux: true,
    });
    const task = JSON.parse(message.string()) as { task: string; attempt: number; reply: string };
    const result = { task: task.task, attempt: task.attempt, worker: "another", output: "by another" };
    if (settle) await plain.request(`${task.reply}.result`, { v: 1, results: [result] });
    plain.nc.publish(message.reply!, "-NAK");
    await start();
    return run;
  }

  it("executes again what was delivered before and has no result", async () => {
    const run = await redeliver(false);
    expect(await app.result(run)).toEqual(output);
  });

  it("only acknowledges what was delivered before and is settled", async () => {
    const run = await redeliver(true);
    // The queue is served in order: when this one is done, the one before has been dealt with.
    await app.run(type, { text: "two words" });
    expect(await app.result(run)).toBe("by another");
    expect(await app.log(run).then((events) => events.map((one) => one.event))).toEqual([
      "submitted",
      "result",
      "ended",
    ]);
  });

  it("ends with 0 when it is told to", async () => {
    worker.signal("SIGTERM");
    expect(await worker.ended, worker.said).toBe(0);
    await start();
  });

  if (type === "analyze-text") {
    it("returns plans, whose children it executes", async () => {
      const { run } = await app.submit(type, { text: "one two three\nfour five\nsix" });
      expect(await app.result(run)).toEqual({ "line-0": { words: 3 }, "line-1": { words: 2 }, "line-2": { words: 1 } });
      expect((await app.get(run)).tasks.map((one) => one.task).sort()).toEqual(["-", "line-0", "line-1", "line-2"]);
    });

    it("fails a task for good, saying why", async () => {
      await expect(app.run(type, { text: "" })).rejects.toMatchObject({
        code: 422,
        message: "task - failed: the text is empty",
      });
    });
  }
});
