import { mkdtemp, readFile, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type NatsServer, startNatsServer } from "../support/nats-server.ts";
import { TuttiProcess, tutti } from "./tutti-process.ts";

const WORKERS = fileURLToPath(new URL("fixtures/workers.ts", import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tutti-dev-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Resolves when nobody listens on the URL's port. */
async function closed(url: string): Promise<void> {
  await expect
    .poll(
      () =>
        new Promise((resolve) => {
          const socket = connect(Number(new URL(url).port), "127.0.0.1");
          socket
            .once("error", () => resolve(true))
            .once("connect", () => {
              socket.destroy();
              resolve(false);
            });
        }),
      { timeout: 10_000 },
    )
    .toBe(true);
}

const urlIn = (said: string): string => /nats:\/\/127\.0\.0\.1:\d+/.exec(said)![0];
const start = async (data: string, ...args: string[]): Promise<TuttiProcess> => {
  const dev = new TuttiProcess(["dev", WORKERS, "--data", join(folder, data), ...args]);
  await dev.says("Ctrl-C");
  return dev;
};

describe("tutti dev, with a nats-server at hand", () => {
  it("starts it, says how to reach it, tells of runs, and ends it", async () => {
    await using dev = await start("one");
    const url = urlIn(dev.stdout);
    expect(dev.stdout).toContain("a nats-server started here (pid ");
    expect(dev.stdout).toMatch(/^types +echo, .*document, /m);
    expect(dev.stdout).toContain(`nats req --server ${url} tutti.run.document '{"text":`);
    const printed = /^or +(node .*) --input '(.*)'$/m.exec(dev.stdout)!;
    expect(printed[1]!.split(" ").slice(2)).toEqual(["run", "document", "--bus", url]);
    // The very line that is printed works.
    const { code } = await tutti([...printed[1]!.split(" ").slice(2), "--input", printed[2]!, "--run", "r1"]);
    expect(code).toBe(0);
    await dev.says(/\d\d:\d\d:\d\d ▸ document r1 running\n/);
    await dev.says(/\d\d:\d\d:\d\d ✔ document r1 succeeded in \S+ \(7 tasks\)\n/);
    dev.signal("SIGINT");
    expect(await dev.exit()).toBe(0);
    await closed(url);
  });

  it("finds the runs of an earlier dev, and refuses to share its data with another", async () => {
    await using dev = await start("two");
    await tutti(["run", "echo", "--bus", urlIn(dev.stdout), "--run", "kept"]);
    const second = await tutti(["dev", "--data", join(folder, "two")]);
    expect(second.code).toBe(2);
    expect(second.stderr).toContain(`is in use by a nats-server (pid `);
    dev.signal("SIGTERM");
    expect(await dev.exit()).toBe(0);
    await using again = await start("two");
    const { stdout } = await tutti(["show", "kept", "--json", "--bus", urlIn(again.stdout)]);
    expect(JSON.parse(stdout)).toMatchObject({ run: "kept", status: "succeeded" });
  });

  it("leaves no server behind, even on kill -9, and starts again after it", async () => {
    await using dev = await start("three");
    const url = urlIn(dev.stdout);
    dev.signal("SIGKILL");
    await dev.exit();
    await closed(url);
    await using again = await start("three");
    expect(again.stdout).toContain("a nats-server started here");
  });

  it("ends with 1 when its server does", async () => {
    await using dev = await start("four");
    const [pid] = (await readFile(join(folder, "four", "nats-server.pid"), "utf8")).split(" ");
    process.kill(Number(pid), "SIGKILL");
    expect(await dev.exit()).toBe(1);
    expect(dev.stderr).toContain("error: nats-server ended (SIGKILL)");
  });

  it("leaves at once on a second signal, its server with it", async () => {
    await using dev = await start("five", fileURLToPath(new URL("fixtures/stubborn.ts", import.meta.url)));
    const url = urlIn(dev.stdout);
    await tutti(["submit", "stubborn", "--bus", url]);
    await dev.says("stubborn begins");
    dev.signal("SIGINT");
    await dev.says("SIGINT: finishing work in progress; again to exit at once");
    dev.signal("SIGINT");
    expect(await dev.exit()).toBe(130);
    await closed(url);
  });

  it("tells everything as JSON lines with --json", async () => {
    await using dev = new TuttiProcess(["dev", WORKERS, "--data", join(folder, "six"), "--json"]);
    await dev.says('"ready":true');
    const ready = JSON.parse(dev.stdout) as { url: string };
    expect(ready).toMatchObject({ role: "dev", pid: dev.pid, types: expect.arrayContaining(["echo", "document"]) });
    await tutti(["run", "echo", "--bus", ready.url, "--run", "r1"]);
    await dev.says('"succeeded"');
    const notices = dev.stdout
      .trimEnd()
      .split("\n")
      .slice(1)
      .map((line) => JSON.parse(line) as unknown);
    expect(notices).toMatchObject([
      { run: "r1", type: "echo", status: "running", submittedAt: expect.any(String) },
      { run: "r1", status: "succeeded", endedAt: expect.any(String), tasks: 1 },
    ]);
  });
});

describe("tutti dev, without a server of its own", () => {
  it("joins the bus that is named", async () => {
    const server: NatsServer = await startNatsServer();
    try {
      await using dev = new TuttiProcess(["dev", "--bus", server.url]);
      await dev.says("Ctrl-C");
      expect(dev.stdout).toMatch(new RegExp(`^bus +${server.url} `));
      expect(dev.stdout).not.toContain("started here");
      dev.signal("SIGTERM");
      expect(await dev.exit()).toBe(0);
    } finally {
      await server.stop();
    }
  });

  it("runs in process where there is none to start, and says what that means", async () => {
    await using dev = new TuttiProcess(["dev"], { env: { PATH: folder, NATS_SERVER_BIN: "" } });
    await dev.says("Ctrl-C");
    expect(dev.stdout).toContain("in this process only: nothing survives its end, and no other process can reach it");
    dev.signal("SIGINT");
    expect(await dev.exit()).toBe(0);
  });

  it("refuses a NATS_SERVER_BIN that is none", async () => {
    const { code, stderr } = await tutti(["dev"], { env: { NATS_SERVER_BIN: "/nowhere/nats-server" } });
    expect(code).toBe(2);
    expect(stderr).toContain('NATS_SERVER_BIN "/nowhere/nats-server": no such program');
  });
});
