import type { Bus } from "../../src/bus/port.ts";

/** Less than what Vitest gives a test, so that a failure says what was waited for; and more than a busy machine takes. */
const PATIENCE_MS = 30_000;

/** Waits until `check` returns something true, or fails after `timeoutMs` with `what` it waited for. */
export async function eventually<T>(
  what: string | (() => string),
  check: () => T | Promise<T>,
  timeoutMs = PATIENCE_MS,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const result = await check();
    if (result) return result;
    if (performance.now() > deadline)
      throw new Error(`Waited ${timeoutMs} ms in vain for: ${typeof what === "string" ? what : what()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Waits until a message has left its stream: what acknowledges it tells nobody that it has. */
export const removal = (bus: Bus, stream: string, sequence: number): Promise<unknown> =>
  eventually(
    `the removal of message ${sequence} of ${stream}`,
    async () => (await bus.getMessage(stream, sequence)) === undefined,
  );

/** Collects what comes, and waits for it. */
export class Collector<T> {
  readonly items: T[] = [];
  readonly add = (item: T): void => void this.items.push(item);

  /** The first `count` items, once there are as many. */
  async atLeast(count: number, timeoutMs?: number): Promise<T[]> {
    const enough = () => this.items.length >= count;
    await eventually(() => `${count} items (there are ${this.items.length})`, enough, timeoutMs);
    return this.items.slice(0, count);
  }
}
