/** Time depends on the machine and on its other work. What is counted does not, so it is what we hold ourselves to. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LOAD_NAMES, type LoadName } from "../../bench/counted-loads.ts";
import { type Counts, countAll } from "../../bench/counts.ts";
import { rounded } from "../../bench/rounds.ts";
import { type BenchServer, startBenchServer } from "../../bench/server.ts";
import { EXPECTED, SLACK, TOLERANCE } from "./expected-counts.ts";

let server: BenchServer;
let counted: Record<LoadName, Counts>;

beforeAll(async () => {
  server = await startBenchServer("default");
  counted = await countAll(server);
});
afterAll(() => server?.stop());

const WHAT = Object.keys(TOLERANCE) as (keyof Counts)[];

describe.each(LOAD_NAMES)("a task of the load %s", (load) => {
  it.each(WHAT)("costs no more %s than expected", (what) => {
    const [count, expected] = [counted[load][what], EXPECTED[load][what]];
    const most = expected * (1 + TOLERANCE[what]) + SLACK;
    const told = `${load}: ${what}: ${rounded(count, 4)} a task; expected ${expected}, at most ${rounded(most, 4)}`;
    // Where nothing ran, nothing was queued either.
    expect(counted[load].queueMessages).toBeGreaterThan(0.9);
    expect(count, `${told}; if it is meant to grow, write that down in expected-counts.ts`).toBeLessThanOrEqual(most);
    if (count < expected * (1 - TOLERANCE[what]) - SLACK)
      console.log(`${told}: it has fallen; write that down in expected-counts.ts, so that it stays so`);
  });
});
