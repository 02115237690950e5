/** A plan that asks a person. It waits without a worker, for days if it must, and goes on with the answer. */
import { z } from "zod";
import { cel, plan, tutti, worker } from "../src/index.ts";

const draft = worker("draft", { output: z.object({ text: z.string() }), run: () => ({ text: "Hello, world!" }) });
const publish = worker("publish", {
  input: z.object({ text: z.string() }),
  run: ({ input }) => console.log(`Published: ${input.text}`),
});

const announce = worker("announce", {
  run: () =>
    plan((p) => {
      const written = p.task(draft, {});
      const asked = p.wait(
        {
          signal: "approve",
          ask: { publish: written.output.text },
          schema: z.object({ ok: z.boolean() }),
          from: ["ada"],
          within: "2d",
        },
        { fallback: { value: { ok: false } } },
      );
      p.task(publish, { text: written.output.text }, { when: cel`${asked.output.ok}` });
    }),
});

await using app = await tutti({ workers: [announce, draft, publish] });
const run = await app.submit(announce, {});
for await (const event of run.watch()) if (event.kind === "task" && event.task.wait) break;

// What `tutti approvals` lists, from any process.
for (const { task, signal, ask, from } of await app.approvals())
  console.log(`${task} waits for ${signal} from ${from?.join(", ")}: ${JSON.stringify(ask)}`);

// What `tutti approve` and `tutti signal` send.
await run.signal("approve", { ok: "certainly" }, { by: "ada" }).catch((error: Error) => console.log(error.message));
await run.signal("approve", { ok: true }, { by: "ada" });
await run.result();
