import { describe, expect, it } from "vitest";
import { Semaphore } from "../../../src/actors/gateway/semaphore.ts";

/** Work that ends when it is told to. */
function gated() {
  const begun: string[] = [];
  const gates = new Map<string, PromiseWithResolvers<string>>();
  return {
    begun,
    work: (name: string) => () => {
      begun.push(name);
      const gate = Promise.withResolvers<string>();
      gates.set(name, gate);
      return gate.promise;
    },
    end: (name: string) => gates.get(name)!.resolve(name),
    fail: (name: string) => gates.get(name)!.reject(new Error(name)),
  };
}

describe("a semaphore", () => {
  it("lets a number of them begin at once, and the others in order, whether those before succeed or fail", async () => {
    const { begun, work, end, fail } = gated();
    const semaphore = new Semaphore({ atOnce: 2, waiting: 10, waitingBytes: 100 });
    const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => semaphore.take(1, work(name))!);
    expect({ begun, waiting: semaphore.waiting }).toEqual({ begun: ["a", "b"], waiting: 2 });
    fail("b");
    await expect(b).rejects.toThrow("b");
    expect(begun).toEqual(["a", "b", "c"]);
    end("a");
    expect(await a).toBe("a");
    expect(begun).toEqual(["a", "b", "c", "d"]);
    end("d");
    end("c");
    expect(await Promise.all([c, d])).toEqual(["c", "d"]);
    expect(semaphore).toMatchObject({ inProgress: 0, waiting: 0 });
  });

  it("let no more wait than may, by number and by bytes, and begin nothing of what is refused", async () => {
    const { begun, work, end } = gated();
    const byNumber = new Semaphore({ atOnce: 1, waiting: 1, waitingBytes: 100 });
    const first = byNumber.take(1, work("first"));
    const second = byNumber.take(1, work("second"));
    expect(byNumber.take(1, work("third"))).toBeUndefined();
    end("first");
    await first;
    end("second");
    expect(await second).toBe("second");

    const byBytes = new Semaphore({ atOnce: 1, waiting: 10, waitingBytes: 100 });
    const large = byBytes.take(1000, work("large"));
    const fits = byBytes.take(100, work("fits"));
    expect(byBytes.take(1, work("over"))).toBeUndefined();
    end("large");
    await large;
    // Its bytes count while it waits.
    const last = byBytes.take(100, work("last"));
    end("fits");
    await fits;
    end("last");
    await last;
    expect(begun).toEqual(["first", "second", "large", "fits", "last"]);
  });
});
