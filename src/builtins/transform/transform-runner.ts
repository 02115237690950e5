import { type ChildProcess, fork } from "node:child_process";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { TransformAnswer, TransformRequest } from "./transform-process.ts";

export const MOST_MEMORY_MIB = 128;
/** The time that a process waits for the next expression, since starting one takes longer than most transformations. */
const IDLE_MS = 5000;

/** The waiting process, if there is one. */
let idle: { readonly child: ChildProcess; readonly ending: NodeJS.Timeout } | undefined;

/**
 * Evaluates an expression in a separate process. On the signal, the process is killed and the call rejects with the
 * signal's reason.
 *
 * A thread does not suffice: one large allocation beyond its limit aborts the whole process.
 */
export async function runApart(
  request: TransformRequest,
  signal: AbortSignal,
): Promise<TransformAnswer | "out-of-memory"> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<TransformAnswer | "out-of-memory">();
  const child = takeIdle() ?? startProcess();
  const onMessage = (answer: unknown) => resolve(answer as TransformAnswer);
  // The process ends on its own only when V8 runs out of memory: by a signal, or with the code for one.
  const onExit = (code: number | null) =>
    code === null || code > 128
      ? resolve("out-of-memory")
      : reject(new Error(`the process that evaluates expressions ended without an answer, with code ${code}`));
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

/** Keeps a process for the next expression. It does not keep this process alive, and ends with it. */
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
  // The extension is that of this file: `.ts` when run from source, `.js` when built.
  const script = fileURLToPath(import.meta.url.replace(/transform-runner(\.\w+)$/, "transform-process$1"));
  const library = dirname(fileURLToPath(import.meta.resolve("jsonata")));
  const readable = [dirname(script), library].map((folder) => `--allow-fs-read=${folder}/*`);
  const child = fork(script, [], {
    // Earlier versions of JSONata let expressions escape into the host program. This one has nothing to offer them: no
    // environment, no files but its own, and no right to start processes.
    env: {},
    execArgv: [`--max-old-space-size=${MOST_MEMORY_MIB}`, "--permission", ...readable],
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  child.on("error", () => {});
  return child;
}
