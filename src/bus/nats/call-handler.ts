/**
 * Calls a handler from inside nats.js. An exception there would silently end the client's read loop, and a bug in a
 * handler would look like a dead connection. It is thrown again outside, as an uncaught exception of the process.
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
