import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { answer, failing, startModelServer, stream } from "../support/model-server.ts";

const PROGRAM = `
  import { createModelProvider } from ${JSON.stringify(new URL("../../src/llm/provider.ts", import.meta.url).href)};
  const provider = createModelProvider({ breaker: { minimumRequests: 2 } });
  const model = provider.forAttempt({ signal: new AbortController().signal, onUsage() {} });
  console.log(await model.text("one"));
  for await (const piece of model.stream("two")) console.log(piece);
  for (let i = 0; i < 4; i++) await model.text("three").catch((error) => console.log(error.message));
  console.log("done");
`;

test("a process that has called a model, and whose breaker is open, exits by itself", async () => {
  await using server = await startModelServer();
  server.script(answer("hello"), stream(["piece"]));
  server.always(failing(500));
  const child = spawn(process.execPath, ["--input-type=module", "--eval", PROGRAM], {
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    env: { PATH: process.env.PATH, OPENAI_BASE_URL: server.url, OPENAI_API_KEY: "k" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const pipe of [child.stdout, child.stderr]) pipe.setEncoding("utf8").on("data", (text) => (output += text));
  const printed = new Promise<number>((resolve) =>
    child.stdout.on("data", () => output.includes("done") && resolve(performance.now())),
  );
  const [code] = await once(child, "close");
  expect(output).toMatch(/^hello\npiece\n(.*answered 500.*\n){3}.*not called.*\ndone\n$/);
  expect(code).toBe(0);
  // The breaker would be half-open after 30 s, and a call's timer would fire after 60.
  expect(performance.now() - (await printed)).toBeLessThan(20_000);
});
