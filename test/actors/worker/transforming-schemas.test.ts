import { expect, test } from "vitest";
import { z } from "zod";
import { plan, worker } from "../../../src/index.ts";
import { describeRuntime } from "../../support/runtime.ts";

const input = z.object({
  n: z.coerce.number(),
  name: z.string().trim().min(1),
  mode: z.enum(["a", "b"]).default("a"),
  words: z
    .string()
    .transform((text) => text.split(" "))
    .pipe(z.array(z.string())),
});
const show = worker("show", {
  input,
  output: z.object({ seen: z.unknown(), length: z.string().transform(Number) }),
  run: (context) => ({ seen: context.input, length: `${context.input.words.length}` }),
});
const STATED = { n: "5", name: " Ada ", words: "one two" };
const SEEN = { seen: { n: 5, name: "Ada", mode: "a", words: ["one", "two"] }, length: 2 };
const inPlan = worker("in-plan", { run: () => plan((p) => p.task(show, STATED)) });
const byName = worker("by-name", { run: () => plan((p) => p.task("show", STATED)) });

describeRuntime("a schema that coerces and transforms", (runtime) => {
  test("gives the same in a request, by a contract or by name, and in a plan", async () => {
    const app = await runtime.start({ workers: [show, inPlan, byName] });
    expect(await app.run(show, STATED)).toEqual(SEEN);
    expect(await app.run("show", STATED)).toEqual(SEEN);
    expect(await app.run(inPlan, {})).toEqual(SEEN);
    expect(await app.run(byName, {})).toEqual(SEEN);
  });

  test("fills in a default for an input that is not there, in a request and in a plan", async () => {
    const greet = worker("greet", {
      input: z.object({ name: z.string().default("all") }).default({ name: "nobody" }),
      run: (context) => context.input.name,
    });
    const planned = worker("planned", { run: () => plan((p) => p.task(greet, undefined)) });
    const app = await runtime.start({ workers: [greet, planned] });
    expect([await app.run(greet, undefined), await app.run(planned, {})]).toEqual(["all", "all"]);
  });

  test("fails for what it cannot take, wherever that comes from", async () => {
    const app = await runtime.start({ workers: [show, inPlan] });
    const wrong = { ...STATED, n: "five" };
    const message = expect.stringContaining("the input of show does not match its schema: /n");
    await expect(app.run(show, wrong)).rejects.toMatchObject({ code: 422, message });
    const planned = worker("planned", { run: () => plan((p) => p.task(show, wrong)) });
    const other = await runtime.start({ workers: [show, planned] });
    await expect(other.run(planned, {})).rejects.toMatchObject({ code: 422, message });
  });
});
