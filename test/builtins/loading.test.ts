import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";

/** The packages that are loaded by importing the built-in workers, in a process of its own. */
function packagesLoaded(): string[] {
  const builtins = new URL("../../src/builtins/builtin.ts", import.meta.url).href;
  const script = `
    import { registerHooks } from "node:module";
    const packages = [];
    registerHooks({ resolve: (name, context, next) => (/^[a-z@]/.test(name) && !/^(node|file|data):/.test(name) && packages.push(name), next(name, context)) });
    await import(${JSON.stringify(builtins)});
    console.log(JSON.stringify(packages));`;
  return JSON.parse(execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" }));
}

it("loads what a document needs when a document needs it: languages, word lists, readers", () => {
  const loaded = packagesLoaded();
  expect(loaded).toContain("zod");
  for (const heavy of [
    "eld",
    "stopwords-iso",
    "afinn",
    "pdfjs-dist",
    "sax",
    "yauzl",
    "marked",
    "parse5",
    "csv-parse",
    "file-type",
    "chardet",
  ])
    expect(loaded.filter((name) => name.startsWith(heavy))).toEqual([]);
});
