import { type ChildProcess, fork } from "node:child_process";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { TransformAnswer, TransformRequest } from "./transform-process.ts";

export const MOST_MEMORY_MIB = 128;
/** To start a process takes longer than most transformations, so one that is done waits for the next, this long. */
const IDLE_MS = 5000;

/** The process that waits, if one does. */
let idle: { readonly child: ChildProcess; readonly ending: NodeJS.Timeout } | undefined;

/**
 * Evaluates an expression in a process of its own, which is killed on the signal. Rejects with the signal's reason then.
 *
 * A thread would not do: one large allocation beyond a thread's limit aborts the process that it belongs to.
 */
export async function runApart(
  request: TransformRequest,
  signal: AbortSignal,
): Promise<TransformAnswer | "out-of-memory"> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<TransformAnswer | "out-of-memory">();
  const child = takeIdle() ?? startProcess();
  const onMessage = (answer: unknown) => resolve(answer as TransformAnswer);
  // It ends itself only where V8 has no memory left for it: by a signal, or with the code that stands for that.
  const onExit = (code: number | null) =>
    code === null || code > 128
      ? resolve("out-of-memory")
      : reject(new Error(`the process that transforms has ended without an answer, with code ${code}`));
  const onAbort = () => reject(signal.reason);
  child.on("message", onMessage).on("error", reject).on("exit", onExit);
  signal.addEventListener("abort", onAbort, { once: true });
  let isFree = false;
  try {
    child.send(request);
    const answer = await promise;
    isFree = answer !== "out-of-memory";
    return answer;
  } finally {
    signal.removeEventListener("abort", onAbort);
    child.off("message", onMessage).off("error", reject).off("exit", onExit);
    if (isFree && !idle) keepIdle(child);
    else child.kill("SIGKILL");
  }
}

function takeIdle(): ChildProcess | undefined {
  if (!idle) return undefined;
  const { child, ending } = idle;
  clearTimeout(ending);
  idle = undefined;
  if (!child.connected) return undefined;
  child.ref();
  child.channel?.ref();
  return child;
}

/** This process may end while one waits, which then ends too: it listens to nothing else. */
function keepIdle(child: ChildProcess): void {
  child.unref();
  child.channel?.unref();
  const ending = setTimeout(() => {
    idle = undefined;
    child.kill("SIGKILL");
  }, IDLE_MS);
  idle = { child, ending: ending.unref() };
}

function startProcess(): ChildProcess {
  // From source as it is, and built: the extension is this file's own.
  const script = fileURLToPath(import.meta.url.replace(/transform-runner(\.\w+)$/, "transform-process$1"));
  const library = dirname(fileURLToPath(import.meta.resolve("jsonata")));
  const readable = [dirname(script), library].map((folder) => `--allow-fs-read=${folder}/*`);
  const child = fork(script, [], {
    // JSONata has had ways out into the program around it: there is nothing there. No settings, no files but its own, no
    // other processes.
    env: {},
    execArgv: [`--max-old-space-size=${MOST_MEMORY_MIB}`, "--permission", ...readable],
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  child.on("error", () => {});
  return child;
}
