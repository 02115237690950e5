import { afterEach, expect, test } from "vitest";
import { z } from "zod";
import { TerminalError } from "../../../src/core/error.ts";
import { plan } from "../../../src/define/plan.ts";
import { worker } from "../../../src/define/worker.ts";
import { describeRuntime } from "../../support/runtime.ts";

const raise = (): never => {
  throw new Error("looked at");
};
const withGetter = (field: string, error: Error = new Error("the reason")) =>
  Object.defineProperty(error, field, { get: raise });
const trapped = (target: object) =>
  new Proxy(target, { get: raise, has: raise, ownKeys: raise, getPrototypeOf: raise, getOwnPropertyDescriptor: raise });
function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}
const cyclic: Record<string, unknown> = {};
cyclic.self = cyclic;
/** An object with this for its `then`. */
const thenable = (then: unknown) => ({ then });

/** Gives each of these values at one of the times that it is read. */
const changing = (...values: unknown[]) =>
  Object.defineProperty({}, "x", { enumerable: true, get: () => (values.length > 1 ? values.shift() : values[0]) });

const THROWN: Record<string, () => unknown> = {
  "an error with a throwing message": () => withGetter("message"),
  "an error with a throwing stack": () => withGetter("stack"),
  "an error with a throwing name": () => withGetter("name"),
  "an error with a throwing cause": () => withGetter("cause"),
  "a terminal error with a throwing message": () => withGetter("message", new TerminalError("t")),
  "an error named by a symbol": () => Object.assign(new Error("the reason"), { name: Symbol("n") }),
  "a trapped proxy of an error": () => trapped(new Error("p")),
  "a trapped proxy of a terminal error": () => trapped(new TerminalError("p")),
  "a revoked proxy": revoked,
  "a cyclic object": () => cyclic,
  "an object that throws as a text": () => ({ toString: raise, toJSON: raise, [Symbol.toPrimitive]: raise }),
  "a thenable that throws": () => thenable(raise),
  null: () => null,
  "a retry without a number": () => Object.assign(new Error("r"), { retryAfterMs: Number.NaN }),
};

const RETURNED: Record<string, () => unknown> = {
  "a throwing getter": () => ({
    get x() {
      return raise();
    },
  }),
  "a throwing getter deep inside": () => ({
    a: [{ b: Object.defineProperty({}, "c", { enumerable: true, get: raise }) }],
  }),
  "a value that turns into a bigint": () => changing(1, 1n),
  "a value that turns into a text-less object": () => changing(1, { toJSON: raise }),
  "a trapped proxy": () => trapped({}),
  "a revoked proxy": revoked,
  "a bigint": () => ({ n: 1n }),
  "a cycle": () => cyclic,
  "a throwing toJSON": () => ({ toJSON: raise }),
  "a thenable whose then cannot be read": () => withGetter("then", {} as Error),
  "a thenable that throws": () => thenable(raise),
  "a thenable that rejects with a trapped proxy": () =>
    thenable((_: unknown, no: (e: unknown) => void) => no(trapped({}))),
  "a promise whose then cannot be read": () => withGetter("then", Promise.resolve(1) as unknown as Error),
  "a plan with a throwing input": () =>
    plan((p) => p.task("echo", Object.defineProperty({}, "x", { enumerable: true, get: raise }))),
};

describeRuntime("a handler whose values cannot be looked at", (runtime) => {
  const executed = new Map<string, number>();
  afterEach(() => executed.clear());
  const once = { output: z.any(), retry: { attempts: 1 } };
  async function outcomeOf(run: () => unknown): Promise<unknown> {
    const odd = worker("odd", {
      ...once,
      run: ({ run: id }) => {
        executed.set(id, (executed.get(id) ?? 0) + 1);
        return run();
      },
    });
    const echo = worker("echo", { ...once, run: ({ input }) => input });
    const app = await runtime.start({ workers: [odd, echo] });
    const outcome = await app.run("odd", {}, { deadline: "20s", run: "r" }).catch((error) => error);
    expect((await app.get("r")).totals).toMatchObject({ executions: 1, tasks: 1 });
    expect(executed.get("r")).toBe(1);
    return outcome;
  }

  test.each(Object.entries(THROWN))("throws %s: fails once, with a message", async (_, make) => {
    const failure = await outcomeOf(() => {
      throw make();
    });
    expect(failure).toMatchObject({ code: 422, message: expect.stringMatching(/^task - failed: ./) });
  });

  test.each(Object.entries(THROWN))("rejects with %s: fails once, with a message", async (_, make) => {
    const failure = await outcomeOf(() => Promise.reject(make()));
    expect(failure).toMatchObject({ code: 422, message: expect.stringMatching(/^task - failed: ./) });
  });

  test.each(Object.entries(RETURNED))("returns %s: fails once, with a message", async (_, make) => {
    expect(await outcomeOf(make)).toMatchObject({ code: 422, message: expect.stringMatching(/^task - failed: ./) });
  });

  test("returns a thenable that settles twice and then throws: the first counts", async () => {
    const twice = () =>
      thenable((resolve: (value: unknown) => void) => {
        resolve(1);
        resolve(2);
        raise();
      });
    expect(await outcomeOf(twice)).toBe(1);
  });

  test("returns a thenable of a thenable: its value counts", async () => {
    const of = (value: unknown) => thenable((resolve: (value: unknown) => void) => resolve(value));
    expect(await outcomeOf(() => of(of(5)))).toBe(5);
  });

  test("validates by a refinement that throws: fails once", async () => {
    const output = z.string().refine(() => raise());
    const strict = worker("strict", { output, retry: { attempts: 1 }, run: () => "x" });
    const app = await runtime.start({ workers: [strict] });
    const failure = await app.run("strict", {}, { deadline: "20s" }).catch((error) => error);
    expect(failure).toMatchObject({ code: 422, message: "task - failed: looked at" });
  });

  test("reports what is not JSON while it works: its output counts", async () => {
    const chatty = worker("chatty", {
      ...once,
      run: ({ progress, log }) => {
        for (const odd of [cyclic, 1n, () => 1, trapped({}), revoked(), Symbol("s"), undefined]) {
          progress(odd as never);
          log(odd as never, odd as never);
        }
        return "done";
      },
    });
    const app = await runtime.start({ workers: [chatty] });
    expect(await app.run("chatty", {}, { deadline: "20s" })).toBe("done");
  });
});

describeRuntime("an error with a cause", (runtime) => {
  test("is told with it: to the caller, in the view, the log and the dead letter", async () => {
    class Unreachable extends Error {}
    const calls = worker("calls", {
      retry: { attempts: 1 },
      run: () => {
        const refused = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
        throw new Unreachable("", { cause: new AggregateError([refused], "all tries failed") });
      },
    });
    const app = await runtime.start({ workers: [calls] });
    const message = "Unreachable: all tries failed: connect ECONNREFUSED";
    const details = {
      name: "Unreachable",
      stack: expect.stringContaining("odd-values.test"),
      causes: [
        expect.objectContaining({ name: "AggregateError", message: "all tries failed" }),
        expect.objectContaining({ name: "Error", errorCode: "ECONNREFUSED", message: "connect ECONNREFUSED" }),
      ],
    };
    const failure = await app.run("calls", {}, { run: "r" }).catch((error) => error);
    expect(failure).toMatchObject({ code: 422, message: `task - failed: ${message}`, details });
    const view = await app.get("r");
    expect(view.error).toMatchObject(details);
    expect(view.tasks[0]!.error).toMatchObject({ kind: "retryable", message, ...details });
    const [result] = (await app.log("r")).filter(({ event }) => event === "result");
    expect(result!.body).toMatchObject({ results: [{ error: { message, ...details } }] });
    expect((await app.dead.get("r")).error).toMatchObject({ message, ...details });
  });
});

describeRuntime("an input that cannot be looked at", (runtime) => {
  const getter = { a: Object.defineProperty({}, "b", { enumerable: true, get: raise }) };
  test.each<[string, unknown, string]>([
    ["a throwing getter", getter, "$.a.b"],
    ["a trapped proxy", trapped({}), "$ "],
    ["a revoked proxy", revoked(), "$ "],
    ["a bigint", { n: 1n }, "$.n"],
    ["a value that turns into a bigint", changing(1, 1n), "not JSON"],
  ])("is refused: %s", async (_, input, where) => {
    const app = await runtime.start({ workers: [worker("echo", { run: ({ input }) => input })] });
    for (const start of [app.run("echo", input as never), app.submit("echo", input as never)])
      expect(await start.catch((error) => error)).toMatchObject({ code: 400, message: expect.stringContaining(where) });
  });
});
