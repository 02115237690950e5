import type { Tutti } from "../../src/app.ts";
import { sleep } from "../../src/core/clock.ts";
import { TuttiError } from "../../src/core/error.ts";
import { encodeJson, type Json } from "../../src/core/json.ts";
import type { Life } from "./simulated-process.ts";
import type { SimulatedRun } from "./workload.ts";
import type { World } from "./world.ts";

/** The client of a world: makes the requests of the workload, cancels some, and waits for every answer. */
export class Requests {
  readonly #app: Tutti;
  readonly #life: Life;
  readonly #world: World;

  constructor(app: Tutti, life: Life, world: World) {
    this.#app = app;
    this.#life = life;
    this.#world = world;
  }

  /** Resolves when all runs have been answered. */
  async start(): Promise<void> {
    await Promise.all(this.#world.runs.map((run) => this.#follow(run)));
  }

  async #follow(simulated: SimulatedRun): Promise<void> {
    const { run, atMs, cancelAfterMs } = simulated;
    await sleep(this.#life.clock, atMs);
    const answer = this.#answer(simulated);
    if (cancelAfterMs !== undefined) await this.#cancel(run, cancelAfterMs);
    this.#world.auditor.answered(run, await answer);
  }

  async #answer(simulated: SimulatedRun): Promise<{ output: Json } | { code: number }> {
    const { run, root, how, deadlineMs } = simulated;
    const input = { behaviour: root } as unknown as Json;
    const options = { run, ...(deadlineMs !== undefined && { deadline: deadlineMs }) };
    const ask = async (): Promise<Json> => {
      if (how === "run") return this.#repeat(run, () => this.#app.run(root.type, input, options));
      if (how === "submit") await this.#repeat(run, () => this.#app.submit(root.type, input, options));
      else await this.#repeat(run, () => this.#publish(simulated, input));
      return this.#repeat(run, () => this.#app.result(run), 404);
    };
    try {
      return { output: await ask() };
    } catch (error) {
      if (!(error instanceof TuttiError)) throw error;
      return { code: error.code };
    }
  }

  async #publish({ run, root, deadlineMs }: SimulatedRun, input: Json): Promise<void> {
    const headers = { "Tutti-Run": run, ...(deadlineMs !== undefined && { "Tutti-Deadline": `${deadlineMs}ms` }) };
    await this.#life.process.bus.append(`tutti.requests.${root.type}`, encodeJson(input), { headers });
  }

  async #cancel(run: string, afterMs: number): Promise<void> {
    await sleep(this.#life.clock, afterMs);
    await this.#repeat(run, () => this.#app.cancel(run), 404).catch((error) => {
      // It has ended already.
      if (!(error instanceof TuttiError && error.code === 409)) throw error;
    });
  }

  /** Whoever has no orchestrator asks again. */
  async #repeat<T>(run: string, ask: () => Promise<T>, alsoAt?: number): Promise<T> {
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        const passes = error instanceof TuttiError ? error.code === 503 || error.code === alsoAt : true;
        if (!passes) throw error;
        this.#world.trace(`client repeats its request for ${run}: ${(error as Error).message}`);
        await sleep(this.#life.clock, 500);
      }
    }
  }
}
