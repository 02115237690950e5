/**
 * A contender of the comparison with peers: a client process that gets work over lines of JSON, the same for all. Its
 * servers and workers are separate processes.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { type ManyRuns, runMany } from "./load.ts";

/** The loads of a contender. Times are in milliseconds. Each load checks its result and throws if it is wrong. */
export interface Loads {
  /** Runs `n` no-op tasks and one that gets their outputs. */
  fanOut(n: number): Promise<number>;
  /** Runs `n` no-op tasks, each with the output of the one before. Resolves with the time of one. */
  chain(n: number): Promise<number>;
  /** Executes one run of the six-task plan: one task, four that need it, one that needs those. */
  sixTasks(): Promise<number>;
}

export interface Contender extends Pick<Loads, "fanOut" | "chain"> {
  /** Executes `count` runs of the six-task plan, `inFlight` of them at a time. */
  smallRuns(count: number, inFlight: number): Promise<ManyRuns>;
  stop(): Promise<void>;
}

type Question = { [Name in "fanOut" | "chain" | "smallRuns"]: [Name, ...Parameters<Contender[Name]>] }[
  | "fanOut"
  | "chain"
  | "smallRuns"];

/** Starts `file`, which serves a contender. Rejects if it ends before it is ready. */
export async function startContender(file: string, args: readonly string[] = []): Promise<Contender> {
  const child = spawn(process.execPath, [file, ...args], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${file} has ended`);
    const answer = JSON.parse(value) as { error?: string; result?: never };
    if (answer.error !== undefined) throw new Error(`${file}: ${answer.error}`);
    return answer.result!;
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
  const send = (answer: { error: string } | { result: unknown }) => console.log(JSON.stringify(answer));
  send({ result: "ready" });
  for await (const line of createInterface({ input: process.stdin })) {
    const [name, ...args] = JSON.parse(line) as [keyof typeof contender, number, number];
    try {
      send({ result: await contender[name](...args) });
    } catch (error) {
      send({ error: String(error) });
    }
  }
}

/** Throws if the result of a contender is not the expected one. */
export function expectResult(what: string, expected: unknown, received: unknown): void {
  if (received !== expected)
    throw new Error(`${what}: expected ${JSON.stringify(expected)}, received ${JSON.stringify(received)}`);
}
