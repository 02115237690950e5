import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { Gate } from "./gate.ts";
import { Terminal } from "./terminal.ts";

const WORKERS = fileURLToPath(new URL("fixtures/workers.ts", import.meta.url));
const linesOf = (screen: string) => screen.split("\n");

describe("a run on a terminal", () => {
  it("is a tree that is redrawn in place and stays as it ended, before the output", async () => {
    await using gate = await Gate.start();
    await using terminal = await Terminal.open(100, 30, gate.env);
    await terminal.type(`run fan ${WORKERS} --run r1 --input '{"n":3,"type":"gated"}'`);
    const during = linesOf(await terminal.shows(/part-2.*\d+(ms|s)/));
    expect(during[0]).toMatch(/^fan {2}r1 {2}running {2}\S+ {2}0\/4 tasks · 3 running$/);
    expect(during.slice(1).map((line) => line.replace(/[⠁-⣿]/u, "*").replace(/ {2,}[\d.]+m?s[ ┈━]*$/, ""))).toEqual([
      "* fan  0/3",
      "├─ * part-0 (gated)",
      "├─ * part-1 (gated)",
      "└─ * part-2 (gated)",
    ]);
    expect(await terminal.cursorIsVisible()).toBe(false);
    gate.open();
    await terminal.shows(/code=0/);
    const after = linesOf(await terminal.history());
    // One frame stays, however often it was drawn.
    expect(after.filter((line) => line.startsWith("fan  r1"))).toEqual([
      expect.stringMatching(/succeeded {2}\S+ {2}4 tasks succeeded$/),
    ]);
    expect(after[1]).toMatch(/^✔ fan {2}3\/3 +\S+ +[┈━]+$/);
    expect(after.slice(5, 7)).toEqual(["{", '  "part-0": "open",']);
    expect(await terminal.cursorIsVisible()).toBe(true);
  });

  it("fits the window, however many tasks there are, and when the window changes", async () => {
    await using gate = await Gate.start();
    await using terminal = await Terminal.open(100, 30, gate.env);
    await terminal.type(`run fan ${WORKERS} --run r1 --input '{"n":500,"type":"gated"}' > /dev/null`);
    const tall = linesOf(await terminal.shows(/└─ … 474 more queued/));
    expect(tall[0]).toMatch(/^fan {2}r1 {2}running/);
    await terminal.resize(50, 12);
    const small = linesOf(await terminal.shows(/└─ … 8 more running, 484 queued/));
    expect(small).toHaveLength(11);
    await terminal.resize(120, 40);
    const large = linesOf(await terminal.shows(/└─ … 464 more queued/));
    expect(large.filter((line) => line.startsWith("fan  r1"))).toHaveLength(1);
    gate.open();
    const end = await terminal.shows(/code=0/);
    expect(end).toMatch(/^✔ fan {2}500\/500/m);
    expect(end).toMatch(/└─ … \d+ more succeeded\n/);
  });

  it("says at its root that its deadline has passed", async () => {
    await using terminal = await Terminal.open(140, 30);
    await terminal.type(`run fan ${WORKERS} --run r1 --input '{"n":2,"type":"endless"}' --deadline 1s`);
    const after = linesOf(await terminal.shows(/code=1/));
    const why = "the run did not end within its deadline of 1000 ms; still under way: part-0, part-1";
    expect(after.filter((line) => /^✖ fan {2}2\/2/.test(line))).toEqual([expect.stringContaining(why)]);
  });

  it("is cancelled by Ctrl-C, with the cursor restored", async () => {
    await using terminal = await Terminal.open(100, 30);
    await terminal.type(`run endless ${WORKERS} --run r1`);
    await terminal.shows(/^endless {2}r1 {2}running/);
    await terminal.press("C-c");
    const screen = await terminal.shows(/code=1/);
    expect(screen).toContain("SIGINT: cancelling run r1; again to exit at once");
    expect(screen).toMatch(/^endless {2}r1 {2}cancelled/m);
    expect(screen).toMatch(/^error: the run was cancelled by the command line: SIGINT$/m);
    expect(await terminal.cursorIsVisible()).toBe(true);
  });

  it("shows colours, unless NO_COLOR is set", async () => {
    const seen = new Map<string, string>();
    for (const [name, env] of [
      ["colour", {}],
      ["plain", { NO_COLOR: "1" }],
    ] as const) {
      await using terminal = await Terminal.open(100, 30, env);
      await terminal.type(`run echo ${WORKERS} -i 1`);
      await terminal.shows(/code=0/);
      seen.set(name, await terminal.styledScreen());
    }
    expect(seen.get("colour")).toMatch(/\[32m\S*✔/);
    expect(seen.get("plain")).not.toMatch(/\[3\dm/);
  });
});
