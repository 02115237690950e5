import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { tutti } from "./tutti-process.ts";

const COMMANDS = [
  ..."dev run orchestrator worker submit runs show watch log explain replay diff cancel pause resume mark".split(" "),
  ..."signal approvals approve dead limits cost models workers machines orchestrators".split(" "),
];

describe("help", () => {
  it("lists every command, and none that does not exist yet", async () => {
    const { code, stdout } = await tutti(["--help"]);
    expect(code).toBe(0);
    expect([...stdout.matchAll(/^ {2}([a-z]+) {2,}\S/gm)].map(([, name]) => name)).toEqual(COMMANDS);
    expect(stdout).toMatch(/Examples:\n {2}\$ tutti run document/);
  });

  it.each(COMMANDS)("of %s shows an example", async (command) => {
    const { code, stdout } = await tutti([command, "--help"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`Examples?:\n {2}\\$ tutti ${command}`));
  });

  it.each(["log", "watch"])("of %s says that --json is one object per line", async (command) => {
    const { stdout } = await tutti([command, "--help"]);
    expect(stdout).toMatch(/--json +print JSON on standard output, one object per line\n/);
  });

  it.each([
    ["--help", /^Exit codes: 0 done; 1 the run or the command failed; 2 wrong usage or invalid input\.$/m],
    [
      "run --help",
      /^Exits with 0 when the run succeeds, with 1 when it fails or is cancelled, with 2 for wrong usage/m,
    ],
    [
      "watch --help",
      /^Exits with 0 when the run succeeds, with 1 when it fails or is cancelled, with 2 for wrong usage/m,
    ],
    ["show --help", /^Exits with 0 whatever the run's status is/m],
  ])("tells the exit codes: tutti %s", async (line, codes) => {
    const { stdout } = await tutti(line.split(" "));
    expect(stdout).toMatch(codes);
  });

  it("goes to standard error, with exit code 2, for who asks for nothing", async () => {
    const { code, stdout, stderr } = await tutti([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("Usage: tutti COMMAND");
  });

  it("is quick: it loads neither the runtime nor zod", async () => {
    const hook = `import { registerHooks } from "node:module";
      registerHooks({ load(url, context, next) { console.error(url); return next(url, context); } });`;
    const nodeArgs = ["--import", `data:text/javascript,${encodeURIComponent(hook)}`];
    const { stderr } = await tutti(["run", "--help"], { nodeArgs });
    expect(stderr).toContain("src/cli/run.ts");
    expect(stderr).not.toMatch(/zod|xstate|@nats-io|src\/(tutti|core\/(?!nearest)|actors)/);
  });

  it("knows the version", async () => {
    expect((await tutti(["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe("wrong usage ends with 2 and says what is wrong", () => {
  it.each([
    ["rnu", 'unknown command "rnu"; did you mean run?'],
    ["help rnu", 'unknown command "rnu"; did you mean run?'],
    ["rewind r1", `unknown command "rewind"`],
    ["run document --jsn", `unknown option '--jsn'; Did you mean --json?`],
    ["--bus runs", "unexpected option --bus; options come after the command"],
    ["run", "missing required argument 'TYPE'"],
    ["runs r1", "too many arguments for 'runs'"],
    ["show", "missing required argument 'RUN'"],
    ["worker --bus nats://127.0.0.1:1", "missing required argument 'WORKERS'"],
    ["run document --priority urgent", "Allowed choices are high, normal, low"],
    ["run document --deadline soon", "a duration such as 500ms, 30s"],
    ["run document --run a.b", '--run "a.b": expected 1 to 64 characters'],
    ["run document --tenant /", '--tenant "/": expected 1 to 64 characters'],
    ["run document --input {", "--input is not valid JSON, line 1, column 2"],
    ["run document nowhere.ts", `WORKERS "nowhere.ts": no such file`],
    ["worker builtin --concurrency none", "Expected a whole number, 1 or more"],
    ["worker builtin --files nowhere --bus nats://127.0.0.1:1", `--files "nowhere": no such folder`],
    ["runs --limit 0", "Expected a whole number, 1 or more"],
    ["submit echo", "no bus given: this command needs a NATS server, set --bus or NATS_URL"],
    ["orchestrator", "no bus given"],
    ["watch r1", "no bus given"],
  ])("tutti %s", async (line, message) => {
    const { code, stdout, stderr } = await tutti(line.split(" "));
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/^\s+at .*:\d+/m);
  });

  it("shows how the command is used, whatever else is on the line", async () => {
    const { stderr } = await tutti(["worker", "run", "--jsn"]);
    expect(stderr).toContain("  usage: tutti worker [options] <WORKERS...>\n  help: tutti worker --help\n");
  });

  it("shows how a command below it is used", async () => {
    const { stderr } = await tutti(["limits", "set"]);
    expect(stderr).toContain("  usage: tutti limits set [options] <LIMIT>\n  help: tutti limits set --help\n");
  });

  it("and with --json as JSON on standard output", async () => {
    const { code, stdout, stderr } = await tutti(["run", "document", "--json", "--input", '{"text":}']);
    expect({ code, stderr }).toEqual({ code: 2, stderr: "" });
    const { error } = JSON.parse(stdout) as { error: Record<string, unknown> };
    expect(error).toMatchObject({ code: 400, path: "line 1, column 9", received: '{"text":}' });
    expect(error.message).toContain("--input is not valid JSON");
  });

  it.each([
    ["a syntax error", "const a = 1;\nexport const b = ;\n", ["syntax error: ", "module.ts:2", "export const b = ;"]],
    ["an error thrown while it loads", 'const port = 1;\nthrow new Error("no port");\n', ["no port", "module.ts:2"]],
    ["an import that leads nowhere", 'import "./other.ts";\n', ["Cannot find module", "other.ts"]],
  ])("shows %s of a module", async (_, source, said) => {
    const folder = await mkdtemp(join(tmpdir(), "tutti-usage-"));
    await writeFile(join(folder, "module.ts"), source);
    const { code, stderr } = await tutti(["run", "echo", "module.ts"], { cwd: folder });
    await rm(folder, { recursive: true });
    expect(code).toBe(2);
    for (const text of ['WORKERS "module.ts" cannot be loaded: ', ...said]) expect(stderr).toContain(text);
  });
});

describe("a bus that cannot be reached", () => {
  it("ends the command with 1 and says which", async () => {
    const { code, stdout } = await tutti(["runs", "--json"], { env: { NATS_URL: "nats://127.0.0.1:1" } });
    expect(code).toBe(1);
    const { error } = JSON.parse(stdout) as { error: Record<string, unknown> };
    expect(error.code).toBe(503);
    expect(error.message).toContain("nats://127.0.0.1:1");
  });
});
