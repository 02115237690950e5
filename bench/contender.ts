/**
 * A contender of the comparison with peers: a client process that is asked, over lines of JSON, to do the same work as
 * the others. What else it takes (servers, workers) are processes of their own.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { type ManyRuns, runMany } from "./load.ts";

/** What a contender can do. Times are milliseconds. Each checks the result and throws when it is wrong. */
export interface Loads {
  /** `n` no-op tasks and one that is given their outputs. */
  fanOut(n: number): Promise<number>;
  /** `n` no-op tasks, each given the output of the one before: the time of one. */
  chain(n: number): Promise<number>;
  /** One run of the six-task plan: one, four that need it, one that needs those. */
  sixTasks(): Promise<number>;
}

export interface Contender extends Pick<Loads, "fanOut" | "chain"> {
  /** `count` runs of the six-task plan, so many in flight. */
  smallRuns(count: number, inFlight: number): Promise<ManyRuns>;
  stop(): Promise<void>;
}

type Question = { [Name in "fanOut" | "chain" | "smallRuns"]: [Name, ...Parameters<Contender[Name]>] }[
  | "fanOut"
  | "chain"
  | "smallRuns"];

/** Starts `file`, which serves a contender. Rejects when it ends before it is ready. */
export async function startContender(file: string, args: readonly string[] = []): Promise<Contender> {
  const child = spawn(process.execPath, [file, ...args], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${file} has ended`);
    const told = JSON.parse(value) as { error?: string; result?: never };
    if (told.error !== undefined) throw new Error(`${file}: ${told.error}`);
    return told.result!;
  };
  const ask = (...question: Question) => {
    child.stdin.write(`${JSON.stringify(question)}\n`);
    return answer();
  };
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  await answer();
  return {
    fanOut: (n) => ask("fanOut", n),
    chain: (n) => ask("chain", n),
    smallRuns: (count, inFlight) => ask("smallRuns", count, inFlight),
    async stop() {
      child.stdin.end();
      await exited;
    },
  };
}

/** Serves this process's loads on standard input and output, until its input ends. */
export async function serveContender(loads: Loads): Promise<void> {
  const contender = {
    fanOut: loads.fanOut,
    chain: loads.chain,
    smallRuns: (count: number, inFlight: number) => runMany(count, inFlight, loads.sixTasks),
  };
  const tell = (answer: { error: string } | { result: unknown }) => console.log(JSON.stringify(answer));
  tell({ result: "ready" });
  for await (const line of createInterface({ input: process.stdin })) {
    const [name, ...args] = JSON.parse(line) as [keyof typeof contender, number, number];
    try {
      tell({ result: await contender[name](...args) });
    } catch (error) {
      tell({ error: String(error) });
    }
  }
}

/** Throws when a contender has not given what it was to give. */
export function expectResult(what: string, expected: unknown, received: unknown): void {
  if (received !== expected)
    throw new Error(`${what}: expected ${JSON.stringify(expected)}, received ${JSON.stringify(received)}`);
}
