/**
 * The pattern's classic builder, as a few lines over the API: the first worker's task decomposes the request, the
 * others execute its parts.
 */
import { z } from "zod";
import { type Json, plan, type Tutti, tutti, type Worker, worker } from "../src/index.ts";

class OrchestratorBuilder {
  readonly #workers: Worker[] = [];

  addWorker(worker: Worker): this {
    this.#workers.push(worker);
    return this;
  }

  async build(options: { bus?: string } = {}): Promise<Orchestrator> {
    const [main] = this.#workers;
    if (!main) throw new Error("an orchestrator needs at least one worker");
    return new Orchestrator(await tutti({ ...options, workers: this.#workers }), main);
  }
}

class Orchestrator implements AsyncDisposable {
  readonly #app: Tutti;
  readonly #main: Worker;

  constructor(app: Tutti, main: Worker) {
    this.#app = app;
    this.#main = main;
  }

  execute = (input: Json): Promise<unknown> => this.#app.run(this.#main, input);
  [Symbol.asyncDispose] = (): Promise<void> => this.#app.stop();
}

const shout = worker("shout", { input: z.string(), output: z.string(), run: ({ input }) => input.toUpperCase() });
const count = worker("count", { input: z.string(), output: z.int(), run: ({ input }) => input.length });
const examine = worker("examine", {
  input: z.string(),
  run: ({ input }) =>
    plan((p) => {
      p.task(shout, input);
      p.task(count, input);
    }),
});

await using orchestrator = await new OrchestratorBuilder().addWorker(examine).addWorker(shout).addWorker(count).build();
console.log(await orchestrator.execute("tutti"));
