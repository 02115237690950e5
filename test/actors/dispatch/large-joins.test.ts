import { expect, test } from "vitest";
import { z } from "zod";
import { plan, worker } from "../../../src/index.ts";
import { describeRuntime } from "../../support/runtime.ts";

/** Together more than is ever put into one input, each more than travels in a message. */
const MANY = 260;
const CHARACTERS = 270_000;

describeRuntime("a task that needs more than can be put together", (runtime) => {
  const large = worker("large", {
    input: z.object({ i: z.number() }),
    output: z.object({ i: z.number(), text: z.string() }),
    run: ({ input: { i } }) => ({ i, text: String(i % 10).repeat(CHARACTERS) }),
  });
  const sum = worker("sum", {
    input: z.object({ all: z.array(z.string()), first: z.unknown(), small: z.unknown(), data: z.unknown() }),
    run: ({ input, needs }) => ({
      characters: input.all.reduce((count, text) => count + text.length, 0),
      first: input.first,
      small: input.small,
      data: input.data,
      needs: Object.entries(needs).map(([key, value]) => [key, (value as { i: number }).i]),
    }),
  });
  const join = worker("join", {
    run: () =>
      plan((p) => {
        const parts = Array.from({ length: MANY }, (_, i) => p.task(large, { i }, { key: `p${i}` }));
        const small = p.task("small", {});
        return p.task(
          sum,
          {
            all: parts.map((part) => part.output.text),
            first: parts[0]!.output.i,
            small: small.output,
            data: { $ref: "is data, and no reference" },
          },
          { needs: [parts[7]!] },
        );
      }),
  });
  const small = worker("small", { run: () => ({ $ref: "p0#/text" }) });

  test("is given every output in its place, and data as data", { timeout: 60_000 }, async () => {
    const app = await runtime.start({ workers: [large, sum, join, small] });
    expect(await app.run("join", {})).toEqual({
      characters: MANY * CHARACTERS,
      first: 0,
      small: { $ref: "p0#/text" },
      data: { $ref: "is data, and no reference" },
      needs: [["p7", 7]],
    });
  });
});
