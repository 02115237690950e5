/**
 * Wraps a user's callback so that it cannot disturb its caller: an error that it throws or rejects with is only
 * reported.
 */
export function guardHook<A extends unknown[]>(
  hook: (...args: A) => unknown,
  report: (error: unknown) => void,
): (...args: A) => void {
  return (...args) => {
    try {
      const returned = hook(...args);
      if (returned instanceof Promise) returned.catch(report);
    } catch (error) {
      report(error);
    }
  };
}
