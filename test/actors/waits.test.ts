import { expect, test } from "vitest";
import { type Tutti, worker } from "../../src/index.ts";
import { eventually } from "../contract/wait.ts";
import { describeRuntime } from "../support/runtime.ts";

const echo = worker("echo", { run: ({ input }) => input as never });

const submit = (app: Tutti, plan: object, run: string, input: unknown = {}) =>
  app.submit("plan", { plan: { v: 2, ...plan }, input } as never, { run });
const waiting = (app: Tutti, count: number) =>
  eventually(`${count} waits`, async () => (await app.approvals()).length === count);
const schema = { type: "object", required: ["ok"], properties: { ok: { type: "boolean" } } };

describeRuntime("a wait for a signal", (runtime) => {
  test("asks, is listed, refuses what is not asked for, and gives the answer on", async () => {
    const app = await runtime.start({ workers: [echo] });
    const tasks = {
      draft: { type: "echo", input: { text: "Hello" } },
      ask: {
        wait: { signal: "approve", ask: { publish: { $ref: "draft#/text" } }, schema, from: ["ada"], within: "2d" },
      },
      publish: { type: "echo", when: "ask.ok", input: { said: { $ref: "ask" } } },
    };
    const handle = await submit(app, { tasks, output: { said: { $ref: "publish#/said", default: null } } }, "r");
    await waiting(app, 1);
    const [asked] = await app.approvals();
    expect(asked).toMatchObject({ run: "r", type: "plan", task: "ask", signal: "approve", from: ["ada"], schema });
    expect(asked!.ask).toEqual({ publish: "Hello" });
    expect(Date.parse(asked!.until!) - Date.parse(asked!.since)).toBe(2 * 86_400_000);
    expect((await app.get("r")).tasks.find(({ task }) => task === "ask")).toMatchObject({
      type: "wait",
      state: "awaiting",
      wait: { for: "signal", name: "approve", ask: { publish: "Hello" }, from: ["ada"], until: asked!.until },
    });
    await expect(handle.signal("approve", { ok: "yes" }, { by: "eve" })).rejects.toMatchObject({
      code: 400,
      message:
        'the signal is not what ask waits for: /by: expected ada, received "eve"; /data/ok: expected boolean, received "yes"',
    });
    expect(await handle.signal("approve", { ok: true }, { by: "ada", id: "once" })).toEqual({
      run: "r",
      id: "once",
      state: "taken",
      task: "ask",
    });
    expect(await handle.result()).toEqual({ said: { ok: true } });
    expect(await app.approvals()).toEqual([]);
    // The same once more, after the end that it has brought about; and another one.
    expect(await handle.signal("approve", { ok: true }, { by: "ada", id: "once" })).toMatchObject({ state: "taken" });
    await expect(handle.signal("approve", { ok: true })).rejects.toMatchObject({ code: 409 });
    await expect(app.signal("nobody", "approve")).rejects.toMatchObject({ code: 404 });
  });

  test("for a time succeeds when that has come", async () => {
    const app = await runtime.start({ workers: [echo] });
    const tasks = {
      a: { wait: { for: { $ref: "#/pause" } } },
      b: { wait: { until: { $expr: "input.until" } } },
      c: { type: "echo", needs: ["a", "b"], input: "later" },
      never: { wait: { for: "400d" } },
    };
    const until = new Date(Date.now() + 150).toISOString();
    const plan = { tasks, output: "c", join: "any" };
    expect(await (await submit(app, plan, "r", { pause: "100ms", until })).result()).toBe("later");
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(until));
    expect((await app.get("r")).tasks.find(({ task }) => task === "never")).toMatchObject({ state: "abandoned" });
    const wrong = await submit(app, { tasks: { a: { wait: { until: { $ref: "#/x" } } } } }, "wrong", { x: "soon" });
    await expect(wrong.result()).rejects.toMatchObject({
      message: expect.stringContaining(
        'wait/until: expected a time in ISO 8601, or milliseconds since the epoch, received "soon"',
      ),
    });
  });
});
