import { AsyncLocalStorage, AsyncResource } from "node:async_hooks";

/** What can be failed by an error that it has let out. */
interface Strayable {
  /** Which task and run, for people. */
  readonly title: string;
  fail(error: unknown): void;
}

/**
 * The attempt whose handler is being executed, in everything that the handler starts: timers, promises, callbacks of
 * sockets. So an error that is thrown where nothing catches it still has an attempt to fail.
 */
const current = new AsyncLocalStorage<Strayable>();

/**
 * Calls a handler as part of its attempt. Leaving a resource puts back the context of before as it was, where
 * `current.run()` would make another one, which every attempt after it had to copy.
 */
export const asAttempt = <T>(attempt: Strayable, handler: () => T): T =>
  new AsyncResource("TuttiAttempt").runInAsyncScope(enter<T>, undefined, attempt, handler);

function enter<T>(attempt: Strayable, handler: () => T): T {
  current.enterWith(attempt);
  return handler();
}

/**
 * Fails the attempt that let out an error which nothing caught: its handler may wait for what never comes now. To be
 * called from within an `uncaughtException` or `unhandledRejection` event. One that is over stays as it is. Returns the
 * attempt, or undefined when the error came from elsewhere.
 */
export function failStrayed(error: unknown): Pick<Strayable, "title"> | undefined {
  const attempt = current.getStore();
  attempt?.fail(error);
  return attempt;
}

const take = (error: unknown) => void failStrayed(error);
/** How many watch: a process has one listener for all the workers in it. */
let watching = 0;

/**
 * Fails the attempts from which an `uncaughtException` comes, until it is stopped. It decides nothing else: whether the
 * process lives on is its owner's to say, by the handlers that it has or has not for such errors.
 */
export function watchStrayErrors(): () => void {
  if (watching++ === 0) process.on("uncaughtExceptionMonitor", take);
  let isWatching = true;
  return () => {
    if (isWatching && --watching === 0) process.off("uncaughtExceptionMonitor", take);
    isWatching = false;
  };
}
