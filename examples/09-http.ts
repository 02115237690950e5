/**
 * A run behind an HTTP server. `POST /greetings` starts a run and answers with its location; `GET /runs/ID` sends its
 * events as server-sent events. `node 09-http.ts [PORT]`.
 */
import { createServer } from "node:http";
import { z } from "zod";
import { plan, tutti, worker } from "../src/index.ts";

const greet = worker("greet", {
  input: z.object({ name: z.string() }),
  output: z.string(),
  run: ({ input }) => `Hello, ${input.name}!`,
});

const greetings = worker("greetings", {
  input: z.object({ names: z.array(z.string()) }),
  run: ({ input }) =>
    plan((p) => {
      for (const name of input.names) p.task(greet, { name }, { key: name });
    }),
});

await using app = await tutti({ workers: [greetings, greet] });

const server = createServer(async (request, response) => {
  const run = /^\/runs\/([\w-]+)$/.exec(request.url ?? "")?.[1];
  if (request.method === "POST" && request.url === "/greetings") {
    const started = await app.submit(greetings, { names: ["Ada", "Alan"] });
    response.writeHead(202, { location: `/runs/${started.run}` }).end();
  } else if (request.method === "GET" && run) {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    const gone = new AbortController();
    response.on("close", () => gone.abort());
    try {
      for await (const event of app.watch(run, { signal: gone.signal }))
        response.write(`event: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`);
    } catch (error) {
      // The client has disconnected, or no run has that id.
      if (!gone.signal.aborted) response.write(`event: error\ndata: ${JSON.stringify(String(error))}\n\n`);
    }
    response.end();
  } else response.writeHead(404).end();
});
server.listen(Number(process.argv[2] ?? 0), "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object" && address) console.log(`listening on http://127.0.0.1:${address.port}`);
});
await new Promise((resolve) => process.once("SIGTERM", resolve));
server.close();
