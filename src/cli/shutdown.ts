const SIGNALS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;
type Signal = keyof typeof SIGNALS;

/**
 * Calls `first` on the first SIGINT, SIGTERM or SIGHUP; a second one ends the process at once, with 128 plus the
 * signal's number. Returns a function that removes the handlers.
 */
export function onShutdown(first: (signal: Signal) => void): () => void {
  let isStopping = false;
  const handle = (signal: Signal) => {
    if (isStopping) process.exit(128 + SIGNALS[signal]);
    isStopping = true;
    first(signal);
  };
  const names = Object.keys(SIGNALS) as Signal[];
  for (const name of names) process.on(name, handle);
  const stopWatching = watchNpm(() => handle("SIGTERM"));
  return () => {
    stopWatching();
    for (const name of names) process.off(name, handle);
  };
}

const PARENT_CHECK_MS = 500;

/**
 * Calls `gone` when the npm process that started this one has ended. npm forwards a SIGTERM to the shell between, which
 * ends without forwarding it, so this process would continue unnoticed. Without npm nothing is watched.
 */
function watchNpm(gone: () => void): () => void {
  if (process.env.npm_lifecycle_event === undefined) return () => {};
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    gone();
  }, PARENT_CHECK_MS).unref();
  return () => clearInterval(timer);
}

/** Resolves with the first signal, and reports it on standard error. A second one ends the process. */
export const shutdown = (): Promise<Signal> =>
  new Promise((resolve) => {
    onShutdown((signal) => {
      process.stderr.write(`${signal}: finishing work in progress; again to exit at once\n`);
      resolve(signal);
    });
  });
