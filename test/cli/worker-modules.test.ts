import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { builtinWorkers } from "../../src/builtins/builtin.ts";
import { UsageError } from "../../src/cli/failure.ts";
import { loadWorkers } from "../../src/cli/worker-modules.ts";

const fixture = (name: string) => relative("", fileURLToPath(new URL(`fixtures/${name}`, import.meta.url)));
const typesOf = async (...about: Parameters<typeof loadWorkers>) =>
  (await loadWorkers(...about)).workers.map(({ type }) => type).sort();
const builtinTypes = builtinWorkers.map(({ type }) => type);

const refusalOf = async (...modules: string[]): Promise<UsageError> => {
  const error: unknown = await loadWorkers(modules).then(
    () => expect.fail("they were taken"),
    (refusal: unknown) => refusal,
  );
  expect(error).toBeInstanceOf(UsageError);
  return error as UsageError;
};

describe("modules of workers", () => {
  it("are read by their named exports", async () => {
    expect(await typesOf([fixture("workers.ts")])).toEqual(["echo", "endless", "fail", "fan", "gated", "stray"]);
  });

  it("are read by their default array", async () => {
    expect(await typesOf([fixture("default-array.ts")])).toEqual(["one", "two"]);
  });

  it("may be given twice", async () => {
    expect(await typesOf([fixture("default-array.ts"), fixture("default-array.ts")])).toEqual(["one", "two"]);
  });

  it("`builtin` are the built-in ones", async () => {
    expect(await typesOf(["builtin"])).toEqual(builtinTypes.toSorted());
  });

  it("come before the built-in ones, and replace those of the same type", async () => {
    const { workers, replaced } = await loadWorkers([fixture("own-summarize.ts")], { withBuiltin: true });
    expect(replaced).toEqual(["summarize"]);
    expect(workers).toHaveLength(builtinTypes.length);
    expect(await workers.find(({ type }) => type === "summarize")!.handler({} as never)).toBe("my own");
  });

  it("are refused when two bring the same type", async () => {
    const { message } = await refusalOf("builtin", fixture("own-summarize.ts"));
    expect(message).toBe(
      `two workers of type summarize: in the built-in workers and in ${fixture("own-summarize.ts")}; expected one per type`,
    );
  });

  it("are missed by name", async () => {
    const refusal = await refusalOf("./nowhere.ts");
    expect(refusal.message).toBe('WORKERS "./nowhere.ts": no such file');
    expect(refusal.details.expected).toContain("builtin");
    expect((await refusalOf("test")).message).toContain("it is not a file");
  });

  it("that export none are told what they export", async () => {
    const { message } = await refusalOf(fixture("no-workers.ts"));
    expect(message).toContain(`WORKERS "${fixture("no-workers.ts")}" exports no worker; it exports `);
    for (const one of [
      "contract (the task contract without a handler)",
      "default (an array of 2 without a worker)",
      "helper (function)",
    ])
      expect(message).toContain(one);
  });
});
