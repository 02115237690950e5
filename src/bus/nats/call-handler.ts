/**
 * Calls a handler from inside nats.js. An exception there would silently end its read loop, so that a handler's bug
 * would look like a dead connection; it is thrown again outside, where the process hears of it.
 */
export function callHandler<T>(handler: (value: T) => void, value: T): void {
  try {
    handler(value);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
