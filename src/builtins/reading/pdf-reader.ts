import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { PdfAnswer } from "./pdf-thread.ts";

/** Between two looks at what a thread has taken. It unpacks some 10 MB in this time. */
const LOOK_MS = 50;

/** To start a thread takes longer than to read most files, so they wait for the next, and files for a free one. */
const MOST_THREADS = availableParallelism();
const idle: Worker[] = [];
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
  const thread = idle.pop() ?? startThread(maxBytes);
  thread.ref();
  const onError = (error: NodeJS.ErrnoException) =>
    error.code === "ERR_WORKER_OUT_OF_MEMORY" ? resolve("too-large") : reject(error);
  const onExit = () => reject(new Error("the thread that reads the pdf has ended without an answer"));
  thread.on("message", resolve).on("error", onError).on("exit", onExit);
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  const looking = setInterval(() => {
    thread.getHeapStatistics().then(
      ({ used_heap_size, external_memory }) => {
        if (used_heap_size + external_memory > maxBytes) resolve("too-large");
      },
      // It has ended already.
      () => {},
    );
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
    // The process may end while a thread waits.
    if (isFree) thread.unref();
    if (isFree) idle.push(thread);
    else await thread.terminate();
  }
}

function startThread(maxBytes: number): Worker {
  // From source as it is, and built: the extension is this file's own.
  const script = new URL(import.meta.url.replace(/pdf-reader(\.\w+)$/, "pdf-thread$1"));
  const thread = new Worker(script, { resourceLimits: { maxOldGenerationSizeMb: Math.ceil(maxBytes / 2 ** 20) } });
  // One that ends while it is idle is read with no more, and is no error of this process.
  thread.on("error", () => {});
  thread.on("exit", () => {
    const i = idle.indexOf(thread);
    if (i >= 0) idle.splice(i, 1);
  });
  return thread;
}
