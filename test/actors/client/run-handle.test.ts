import { expect, test } from "vitest";
import { z } from "zod";
import { type TuttiError, worker } from "../../../src/index.ts";
import { describeRuntime } from "../../support/runtime.ts";

const greet = worker("greet", {
  input: z.object({ name: z.string() }),
  output: z.object({ greeting: z.string() }),
  run: ({ input }) => ({ greeting: `Hello, ${input.name}!` }),
});
const block = worker("block", {
  run: ({ signal }) => new Promise<null>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
});

describeRuntime("the handle of a run", (runtime) => {
  test("knows the run's output, follows it, and stands for its id", async () => {
    const app = await runtime.start({ workers: [greet] });
    const handle = await app.submit(greet, { name: "Ada" }, { run: "mine", tenant: "museum" });
    const { greeting }: { greeting: string } = await handle.result();
    expect(greeting).toBe("Hello, Ada!");
    const kinds: string[] = [];
    for await (const { kind } of handle.watch()) kinds.push(kind);
    expect([kinds[0], kinds.at(-1)]).toEqual(["run", "run"]);
    expect(await handle.get()).toMatchObject({ run: "mine", type: "greet", status: "succeeded" });
    expect(`${handle}`).toBe("mine");
    expect(JSON.stringify({ run: handle })).toBe('{"run":"mine"}');
    expect((await app.result(handle)).greeting).toBe("Hello, Ada!");
    expect((await app.log(handle)).map(({ event }) => event)).toContain("submitted");
  });

  test("is had for a run that was submitted elsewhere, with the contract's output", async () => {
    const app = await runtime.start({ workers: [greet] });
    await app.submit("greet", { name: "Ada" }, { run: "r" });
    const { greeting } = await app.handle("r", { type: greet }).result();
    expect(greeting).toBe("Hello, Ada!");
  });

  test("cancels its run", async () => {
    const app = await runtime.start({ workers: [block] });
    const handle = await app.submit(block, {});
    await handle.cancel({ reason: "enough" });
    const error = await handle.result().catch((reason: TuttiError) => reason);
    expect(error).toMatchObject({ code: 499, message: expect.stringContaining("enough") });
  });
});

describeRuntime("an option that is not known", (runtime) => {
  test("is refused before anything is done, with its place and what was probably meant", async () => {
    const tried = runtime.start({ workres: [] } as object);
    await expect(tried).rejects.toMatchObject({
      code: 400,
      message: "tutti(): /workres: expected no field of this name, received []; did you mean workers?",
    });
    const nested = runtime.start({ limits: { log: { byts: 5 } } } as object);
    await expect(nested).rejects.toThrow(
      "tutti(): /limits/log/byts: expected no field of this name, received 5; did you",
    );

    const app = await runtime.start({ workers: [greet] });
    const input = { name: "Ada" };
    const refused: [Promise<unknown>, string][] = [
      [app.run(greet, input, { prioriy: "low" } as object), "app.run(): /prioriy: "],
      [app.submit(greet, input, { deadlin: "5s" } as object), "app.submit(): /deadlin: "],
      [app.result("r", { signl: 1 } as object), "app.result(): /signl: "],
      [app.list({ limt: 5 } as object), "app.list(): /limt: "],
      [app.cancel("r", { resaon: "x" } as object), "app.cancel(): /resaon: "],
      [app.dead.list({ limt: 5 } as object), "app.dead.list(): /limt: "],
      [app.stop({ grace: 5 } as object), "app.stop(): /grace: "],
    ];
    for (const [promise, place] of refused)
      await expect(promise).rejects.toThrow(`${place}expected no field of this name`);
    expect(await app.list()).toEqual([]);
  });
});
