import { builtinWorkers } from "../../src/builtins/builtin.ts";
import type { Json } from "../../src/core/json.ts";
import { tutti } from "../../src/tutti.ts";
import type { Chance } from "../simulation/chance.ts";
import { type Expected, expectDeep, expectWide } from "./workers.ts";

export interface Request {
  readonly run: string;
  readonly type: string;
  readonly input: Json;
  readonly expected: Expected;
  /** Waited for from the start, submitted and asked for at the end, or published for whoever comes. */
  readonly how: "run" | "submit" | "requests";
}

const TEXTS = [
  "Tutti plays. The audience loves it, and the critics are delighted. A wonderful evening for everybody in the hall.",
  "The server was slow and the answer was wrong. Customers complain about terrible delays. Nobody is happy with it.",
  "Das Orchester spielt heute Abend im großen Saal. Die Musik ist schön, und das Publikum ist begeistert.",
  "Le chef d'orchestre lève la main. Les musiciens attendent le signal. Le concert peut enfin commencer ce soir.",
];

/** What each text comes to without any faults: computed embedded, in this process. */
async function documents(): Promise<{ input: Json; expected: Expected }[]> {
  await using app = await tutti({ workers: builtinWorkers, env: {} });
  const found = [];
  for (const text of TEXTS) {
    const { run } = await app.submit("document", { text });
    const output = await app.result(run);
    found.push({ input: { text }, expected: { output, tasks: (await app.get(run)).totals.tasks } });
  }
  return found;
}

/** A third each: documents, wide plans, deep plans. */
export async function compose(chance: Chance, runs: number): Promise<Request[]> {
  const known = await documents();
  return Array.from({ length: runs }, (_, i): Request => {
    const run = `c${String(i).padStart(4, "0")}`;
    const how = chance.pick(["run", "run", "submit", "requests"] as const);
    const seed = chance.int(0, 1000);
    switch (i % 3) {
      case 0:
        return { run, type: "document", how, ...chance.pick(known) };
      case 1: {
        const input = { leaves: chance.int(5, 60), seed };
        return { run, type: "wide", how, input, expected: expectWide(input) };
      }
      default: {
        const input = { depth: chance.int(1, 9), seed };
        return { run, type: "deep", how, input, expected: expectDeep(input) };
      }
    }
  });
}
