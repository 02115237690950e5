import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TuttiProcess, tutti } from "./tutti-process.ts";

const WORKERS = fileURLToPath(new URL("fixtures/workers.ts", import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tutti-run-"));
  await writeFile(join(folder, "note.txt"), "The harbour is quiet. The boats came home early, and everybody was glad.");
});
afterAll(() => rm(folder, { recursive: true }));

describe("tutti run, with no bus", () => {
  it("prints the output as JSON, and a line for each change on standard error", async () => {
    const { code, stdout, stderr } = await tutti(["run", "fan", WORKERS, "--input", '{"n":2}', "--run", "my-run"]);
    expect(JSON.parse(stdout)).toEqual({ "part-0": { i: 0 }, "part-1": { i: 1 } });
    const lines = stderr
      .trimEnd()
      .split("\n")
      .map((line) => line.replaceAll(/\d+ms/g, "…"));
    expect(lines[0]).toBe("▸ fan my-run running");
    expect(lines.at(-1)).toBe("✔ fan my-run succeeded in … (3 tasks)");
    expect(lines).toContain("  ✔ part-1 succeeded in …");
    expect(code).toBe(0);
  });

  it("prints one line of JSON with --json, and no progress with --quiet", async () => {
    const { stdout, stderr } = await tutti(["run", "fan", WORKERS, "--input", "-", "--json", "-q"], {
      stdin: '{"n":1}',
    });
    expect({ stdout, stderr }).toEqual({ stdout: '{"part-0":{"i":0}}\n', stderr: "" });
  });

  it("fails with 1 and says which task failed and why", async () => {
    const { code, stdout, stderr } = await tutti(["run", "fan", WORKERS, "--input", '{"n":1,"type":"fail"}']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("  ↻ part-0 backing off: no luck in attempt 1");
    expect(stderr).toContain("error: task part-0 failed: no luck in attempt 2");
  });

  it("prints that as JSON on standard output with --json", async () => {
    const { code, stdout } = await tutti(["run", "fail", WORKERS, "--json", "--run", "r1"]);
    expect(code).toBe(1);
    const { error } = JSON.parse(stdout) as { error: Record<string, unknown> };
    expect(error).toMatchObject({ code: 422, run: "r1" });
    expect(error.message).toContain("no luck in attempt 2");
  });

  it("keeps the run's deadline", async () => {
    const { code, stdout } = await tutti(["run", "endless", WORKERS, "--deadline", "300ms", "--json"]);
    expect(code).toBe(1);
    const message = "the run did not end within its deadline of 300 ms";
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 408, message } });
  });

  it("ends with 2 for an input that the type does not take", async () => {
    const { code, stdout } = await tutti(["run", "fan", WORKERS, "--json", "--input", '{"n":"two"}']);
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 400, path: "/n" } });
  });

  it("ends with 2 for a type that nobody knows, and names the nearest", async () => {
    const { code, stderr } = await tutti(["run", "ecko", WORKERS]);
    expect(code).toBe(2);
    expect(stderr).toContain('error: unknown task type "ecko"; did you mean echo?');
    expect(stderr).toContain("one of ");
  });

  it("reads a document in place, in the current folder and elsewhere", async () => {
    for (const [file, cwd] of [
      ["note.txt", folder],
      [join(folder, "note.txt"), tmpdir()],
    ] as const) {
      const { code, stdout } = await tutti(["run", "document", "--json", "--input", JSON.stringify({ file })], { cwd });
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({
        name: "note.txt",
        language: { code: "en" },
        statistics: { sentences: 2 },
      });
    }
  });

  it("says which document it cannot read", async () => {
    const input = JSON.stringify({ documents: [{ file: "note.txt" }, { file: "nowhere.pdf" }] });
    const { code, stdout } = await tutti(["run", "document", "--json", "--input", input], { cwd: folder });
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      error: { code: 400, path: "/documents/1/file", received: "nowhere.pdf" },
    });
  });

  it("cancels the run on the first SIGINT", async () => {
    await using command = new TuttiProcess(["run", "endless", WORKERS, "--run", "r1"]);
    await command.says("endless running");
    command.signal("SIGINT");
    expect(await command.exit()).toBe(1);
    expect(command.stderr).toContain("SIGINT: cancelling run r1; again to exit at once");
    expect(command.stderr).toContain("error: the run was cancelled by the command line: SIGINT");
  });

  it("tells an error that nobody caught in one line, and its stack only when asked for", async () => {
    const args = ["run", "echo", fileURLToPath(new URL("fixtures/careless.ts", import.meta.url)), "-q"];
    expect(await tutti(args)).toEqual({ code: 1, stdout: "", stderr: "error: nobody caught this\n" });
    const { stderr } = await tutti(args, { env: { TUTTI_DEBUG: "1" } });
    expect(stderr).toMatch(/error: nobody caught this\nError: nobody caught this\n {4}at .*careless\.ts:\d/);
  });

  it("prints a large output to its end", async () => {
    const stdin = JSON.stringify("x".repeat(1_000_000));
    const { code, stdout } = await tutti(["run", "echo", WORKERS, "--json", "-q", "--input", "-"], { stdin });
    expect({ code, length: stdout.length }).toEqual({ code: 0, length: 1_000_003 });
  });
});
