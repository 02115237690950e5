const SIGNALS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;
type Signal = keyof typeof SIGNALS;

/**
 * Calls `first` on the first SIGINT, SIGTERM or SIGHUP; a second one ends the process at once, with 128 plus the
 * signal's number. Returns a function that takes the handlers away.
 */
export function onShutdown(first: (signal: Signal) => void): () => void {
  let asked = false;
  const handle = (signal: Signal) => {
    if (asked) process.exit(128 + SIGNALS[signal]);
    asked = true;
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
 * Calls `gone` once the npm that started us has ended. npm passes a SIGTERM on to the shell between us, and that ends
 * without passing it on: the process would live on, unseen. Without npm nothing is watched.
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

/** Resolves with the first signal, and says so on standard error; a second one ends the process. */
export const shutdown = (): Promise<Signal> =>
  new Promise((resolve) => {
    onShutdown((signal) => {
      process.stderr.write(`${signal}: finishing what is in progress; once more to leave at once\n`);
      resolve(signal);
    });
  });
