/** A caller's callback that cannot disturb what calls it: what it throws, or rejects with, is reported and no more. */
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
