import { AppRunHandle } from "./actors/client/run-handle.ts";
import type { RunHandle, RunRef, Tutti } from "./app.ts";
import type { DeadLetterBox } from "./core/dead-letter.ts";
import type { VirtualClock } from "./core/virtual-clock.ts";

/** Real time between two looks at the clock, and looks at a clock that stands still before a promise is given up. */
const LOOK_EVERY_MS = 50;
const MOST_LOOKS = 10;

/** The event loop's own, even where a test has replaced the global. */
const { setTimeout } = globalThis;

/** A promise that says when somebody waits for it. */
class WatchedPromise<T> extends Promise<T> {
  onAwaited: () => void = () => {};

  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  // biome-ignore lint/suspicious/noThenProperty: noticing that it is awaited is what the class is for.
  override then<A = T, B = never>(
    use?: ((value: T) => A | PromiseLike<A>) | null,
    fail?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.onAwaited();
    return super.then(use, fail);
  }
}

/**
 * The app of a test, whose promises reject when they are awaited while the clock stands still (for half a second of real
 * time): they would stay pending until the test runner gives up, which does not say why.
 */
export function guardByClock(app: Tutti, clock: VirtualClock): Tutti {
  const guard = <T>(call: string, promise: Promise<T>): Promise<T> => watch(promise, call, clock);
  const guarded: Tutti = {
    bus: app.bus,
    run: (...request) => guard("run(…)", app.run(...request)),
    submit: (type, input, options) => guard("submit(…)", app.submit(type, input, options).then(rebind)),
    handle: (run, options) => rebind(app.handle(run, options)),
    result: <T>(run: RunRef, options?: object) => guard("result(…)", app.result(run as RunHandle<T>, options)),
    get: (...request) => guard("get(…)", app.get(...request)),
    list: (...request) => guard("list()", app.list(...request)),
    watch: (...request) => guardItems(app.watch(...request), (next) => guard("watch(…)", next)),
    log: (...request) => guard("log(…)", app.log(...request)),
    steps: (...request) => guard("steps(…)", app.steps(...request)),
    replay: (...request) => guard("replay(…)", app.replay(...request)),
    explain: (...request) => guard("explain(…)", app.explain(...request)),
    trace: (...request) => guard("trace(…)", app.trace(...request)),
    diff: (...request) => guard("diff(…)", app.diff(...request)),
    cancel: (...request) => guard("cancel(…)", app.cancel(...request)),
    signal: (...request) => guard("signal(…)", app.signal(...request)),
    approvals: (...request) => guard("approvals()", app.approvals(...request)),
    pause: (...request) => guard("pause(…)", app.pause(...request)),
    mark: (...request) => guard("mark(…)", app.mark(...request)),
    resume: (...request) => guard("resume(…)", app.resume(...request)),
    dead: guardDead(app.dead, guard),
    limits: {
      list: () => guard("limits.list()", app.limits.list()),
      set: (...request) => guard("limits.set(…)", app.limits.set(...request)),
      remove: (...request) => guard("limits.remove(…)", app.limits.remove(...request)),
    },
    workers: () => guard("workers()", app.workers()),
    models: () => guard("models()", app.models()),
    costs: (...request) => guard("costs()", app.costs(...request)),
    orchestrators: () => guard("orchestrators()", app.orchestrators()),
    types: () => guard("types()", app.types()),
    putBlob: (data) => guard("putBlob(…)", app.putBlob(data)),
    stop: (options) => guard("stop()", app.stop(options)),
    [Symbol.asyncDispose]: () => guard("stop()", app.stop()),
  };
  function rebind<T>({ run, tenant }: RunHandle<T>): RunHandle<T> {
    return new AppRunHandle<T>(guarded, run, tenant);
  }
  return guarded;
}

type Guard = <T>(call: string, promise: Promise<T>) => Promise<T>;

const guardDead = (dead: DeadLetterBox, guard: Guard): DeadLetterBox => ({
  list: (...request) => guard("dead.list()", dead.list(...request)),
  get: (...request) => guard("dead.get(…)", dead.get(...request)),
  redrive: (...request) => guard("dead.redrive(…)", dead.redrive(...request)),
  drop: (...request) => guard("dead.drop(…)", dead.drop(...request)),
});

async function* guardItems<T>(
  items: AsyncIterable<T>,
  guard: <R>(next: Promise<R>) => Promise<R>,
): AsyncGenerator<T, void, void> {
  const iterator = items[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { done, value } = await guard(iterator.next());
      if (done) return;
      yield value;
    }
  } finally {
    await guard(Promise.resolve(iterator.return?.()));
  }
}

function watch<T>(promise: Promise<T>, call: string, clock: VirtualClock): Promise<T> {
  let isSettled = false;
  let isWatched = false;
  let giveUp: (error: Error) => void = () => {};
  const watched = new WatchedPromise<T>((resolve, reject) => {
    const settled = () => {
      isSettled = true;
    };
    promise.then(settled, settled);
    promise.then(resolve, reject);
    giveUp = reject;
  });
  watched.onAwaited = () => {
    if (isWatched) return;
    isWatched = true;
    whenStill(
      clock,
      () => isSettled,
      () => giveUp(new Error(describeStandstill(call))),
    );
  };
  return watched;
}

/** Calls `still` when the clock has stood still for half a second of real time. Looks are short, so that a busy machine delays them, not the test. */
function whenStill(clock: VirtualClock, isOver: () => boolean, still: () => void): void {
  let looks = 0;
  let before = clock.monotonic();
  const look = () => {
    if (isOver()) return;
    const now = clock.monotonic();
    looks = clock.isRunning || now !== before ? 0 : looks + 1;
    before = now;
    if (looks >= MOST_LOOKS) still();
    else setTimeout(look, LOOK_EVERY_MS);
  };
  setTimeout(look, LOOK_EVERY_MS);
}

const describeStandstill = (call: string): string =>
  `app.${call} is awaited while the test's clock stands still, so it would never settle: ` +
  `await it by the clock, \`await clock.runUntilSettled(app.${call})\`, or let time pass meanwhile with \`clock.advance(ms)\``;
