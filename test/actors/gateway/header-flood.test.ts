import { expect, test } from "vitest";
import { connectNats } from "../../../src/bus/nats/bus.ts";
import { MAX_HEADER_BYTES, type Message } from "../../../src/bus/port.ts";
import { worker } from "../../../src/index.ts";
import { eventually } from "../../contract/wait.ts";
import { headerLines, publishRaw } from "../../support/raw-publish.ts";
import { describeOnNats } from "../../support/runtime.ts";

/** A client that decodes headers eagerly is blocked by these for 4 to 7 s. */
const LINES = headerLines(20_000);
const BYTES = `NATS/1.0\r\n${LINES}\r\n`.length;

const echo = worker("echo", { run: ({ input }) => input as string });

describeOnNats("a request with 20,000 header lines", (runtime) => {
  test.each(["run.echo", "submit.echo", "api.runs.list"])(
    "on %s is answered with 400, and blocks nobody",
    async (kind) => {
      const app = await runtime.start({ workers: [echo] });
      const bus = await connectNats({ servers: runtime.server.url });
      const answered = Promise.withResolvers<Message>();
      await bus.subscribe("inbox.test", answered.resolve);
      const from = performance.now();
      await publishRaw(runtime.server, `${runtime.prefix}.${kind}`, "inbox.test", LINES, '"x"');
      const answer = JSON.parse(Buffer.from((await answered.promise).data).toString());
      expect(performance.now() - from).toBeLessThan(2000);
      expect(answer.error).toMatchObject({
        code: 400,
        expected: `headers of at most ${MAX_HEADER_BYTES} bytes`,
        received: `${BYTES} bytes`,
      });
      expect(await app.run("echo", "next")).toBe("next");
      await bus.close();
    },
  );

  test("that is stored becomes a dead letter, which says so", async () => {
    const app = await runtime.start({ workers: [echo] });
    // More a stream does not take.
    await publishRaw(runtime.server, `${runtime.prefix}.requests.echo`, "x", headerLines(5000), '"x"');
    const letter = await eventually("the dead letter", async () => (await app.dead.list())[0]);
    expect(letter).toMatchObject({
      kind: "request",
      error: { code: 400, expected: expect.stringContaining("at most") },
    });
    expect((await app.dead.get(letter.id)).request).toMatchObject({ headers: {}, body: '"x"' });
  });
});
