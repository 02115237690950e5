import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { PdfAnswer } from "./pdf-thread.ts";

/** Between two looks at what a thread has taken. It unpacks some 10 MB in this time. */
const LOOK_MS = 50;

/** Each may take all the memory that a file may, so more processors bring no more threads. Files wait for a free one. */
const MOST_THREADS = Math.min(2, availableParallelism());
/** To start a thread takes longer than to read most files, so one that is done waits for the next file, this long. */
const IDLE_MS = 5_000;
/** A thread that holds more than this when it is done is ended at once. */
const KEPT_BYTES = 64 * 1024 * 1024;
/** The threads that wait, and what ends each of them in time. */
const idle = new Map<Worker, NodeJS.Timeout>();
const waiting: (() => void)[] = [];
let taken = 0;

/**
 * Reads a PDF in a thread of its own, as pdf.js neither bounds what it unpacks nor lets anybody else have a turn
 * meanwhile: there it can be stopped, at once, on the signal or when it has taken `maxBytes` of memory.
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
  const onExit = () => reject(new Error("the thread that reads the pdf has ended without an answer"));
  thread.on("message", resolve).on("error", onError).on("exit", onExit);
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  const looking = setInterval(() => {
    void heldBy(thread).then((held) => {
      if (held > maxBytes && held < Number.POSITIVE_INFINITY) resolve("too-large");
    });
  }, LOOK_MS);
  let isFree = false;
  try {
    thread.postMessage(bytes);
    const answer = await promise;
    isFree = answer !== "too-large";
    return answer;
  } finally {
    clearInterval(looking);
    signal.removeEventListener("abort", abort);
    thread.off("message", resolve).off("error", onError).off("exit", onExit);
    if (isFree && (await heldBy(thread)) <= KEPT_BYTES) keepIdle(thread);
    else await thread.terminate();
  }
}

function takeIdle(): Worker | undefined {
  // A negative id: it has ended, and its event is still to come.
  const next = [...idle].find(([{ threadId }]) => threadId >= 0);
  if (!next) return undefined;
  const [thread, ending] = next;
  clearTimeout(ending);
  idle.delete(thread);
  thread.ref();
  return thread;
}

/** The process may end while a thread waits. */
function keepIdle(thread: Worker): void {
  thread.unref();
  const ending = setTimeout(() => {
    idle.delete(thread);
    void thread.terminate();
  }, IDLE_MS);
  idle.set(thread, ending.unref());
}

/** The memory that a thread has taken; all there is for one that has ended. */
const heldBy = (thread: Worker): Promise<number> =>
  thread.getHeapStatistics().then(
    ({ used_heap_size, external_memory }) => used_heap_size + external_memory,
    () => Number.POSITIVE_INFINITY,
  );

function startThread(maxBytes: number): Worker {
  // From source as it is, and built: the extension is this file's own.
  const script = new URL(import.meta.url.replace(/pdf-reader(\.\w+)$/, "pdf-thread$1"));
  const thread = new Worker(script, { resourceLimits: { maxOldGenerationSizeMb: Math.ceil(maxBytes / 2 ** 20) } });
  // One that ends while it is idle is read with no more, and is no error of this process.
  thread.on("error", () => {});
  thread.on("exit", () => {
    clearTimeout(idle.get(thread));
    idle.delete(thread);
  });
  return thread;
}
