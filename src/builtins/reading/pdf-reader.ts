import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { PdfAnswer } from "./pdf-thread.ts";

/** The interval at which a thread's memory is checked. It unpacks about 10 MB in this time. */
const CHECK_MS = 50;

/** The largest number of threads, on any number of processors: each may take the memory limit of a file. Files wait. */
const MOST_THREADS = Math.min(2, availableParallelism());
/** The time that a thread waits for the next file, since starting one takes longer than reading most files. */
const IDLE_MS = 5_000;
/** The memory above which a thread is ended after a file instead of waiting. */
const KEPT_BYTES = 64 * 1024 * 1024;
/** The waiting threads, and the timers that end them. */
const idle = new Map<Worker, NodeJS.Timeout>();
const waiting: (() => void)[] = [];
let taken = 0;

/**
 * Reads a PDF in a separate thread, because pdf.js neither limits the memory it unpacks into nor yields to the event
 * loop. The thread is ended at once on the signal, or when it has taken `maxBytes` of memory.
 */
export async function readInThread(
  bytes: Uint8Array,
  signal: AbortSignal,
  maxBytes: number,
): Promise<PdfAnswer | "too-large"> {
  if (taken === MOST_THREADS) await new Promise<void>((resolve) => waiting.push(resolve));
  else taken++;
  try {
    signal.throwIfAborted();
    return await read(bytes, signal, maxBytes);
  } finally {
    const next = waiting.shift();
    if (next) next();
    else taken--;
  }
}

async function read(bytes: Uint8Array, signal: AbortSignal, maxBytes: number): Promise<PdfAnswer | "too-large"> {
  const { promise, resolve, reject } = Promise.withResolvers<PdfAnswer | "too-large">();
  const thread = takeIdle() ?? startThread(maxBytes);
  const onError = (error: NodeJS.ErrnoException) =>
    error.code === "ERR_WORKER_OUT_OF_MEMORY" ? resolve("too-large") : reject(error);
  const onExit = () => reject(new Error("the thread that reads the pdf ended without an answer"));
  thread.on("message", resolve).on("error", onError).on("exit", onExit);
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  const checking = setInterval(() => {
    void heldBy(thread).then((held) => {
      if (held > maxBytes && held < Number.POSITIVE_INFINITY) resolve("too-large");
    });
  }, CHECK_MS);
  let isFree = false;
  try {
    thread.postMessage(bytes);
    const answer = await promise;
    isFree = answer !== "too-large";
    return answer;
  } finally {
    clearInterval(checking);
    signal.removeEventListener("abort", abort);
    thread.off("message", resolve).off("error", onError).off("exit", onExit);
    if (isFree && (await heldBy(thread)) <= KEPT_BYTES) keepIdle(thread);
    else await thread.terminate();
  }
}

function takeIdle(): Worker | undefined {
  // A thread with a negative id has ended, and its event is still to come.
  const next = [...idle].find(([{ threadId }]) => threadId >= 0);
  if (!next) return undefined;
  const [thread, ending] = next;
  clearTimeout(ending);
  idle.delete(thread);
  thread.ref();
  return thread;
}

/** Keeps a thread for the next file. It does not keep the process alive. */
function keepIdle(thread: Worker): void {
  thread.unref();
  const ending = setTimeout(() => {
    idle.delete(thread);
    void thread.terminate();
  }, IDLE_MS);
  idle.set(thread, ending.unref());
}

/** The memory that a thread has taken; infinite for a thread that has ended. */
const heldBy = (thread: Worker): Promise<number> =>
  thread.getHeapStatistics().then(
    ({ used_heap_size, external_memory }) => used_heap_size + external_memory,
    () => Number.POSITIVE_INFINITY,
  );

function startThread(maxBytes: number): Worker {
  // The extension is that of this file: `.ts` when run from source, `.js` when built.
  const script = new URL(import.meta.url.replace(/pdf-reader(\.\w+)$/, "pdf-thread$1"));
  const thread = new Worker(script, { resourceLimits: { maxOldGenerationSizeMb: Math.ceil(maxBytes / 2 ** 20) } });
  // The end of an idle thread must not raise an error in this process; the thread is not used again.
  thread.on("error", () => {});
  thread.on("exit", () => {
    clearTimeout(idle.get(thread));
    idle.delete(thread);
  });
  return thread;
}
