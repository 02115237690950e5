import type { Tutti } from "../../src/app.ts";
import { sleep } from "../../src/core/clock.ts";
import type { Redriven } from "../../src/core/dead-letter.ts";
import { TuttiError } from "../../src/core/error.ts";
import { shardOf } from "../../src/core/hash.ts";
import { encodeJson, type Json } from "../../src/core/json.ts";
import type { Auditor } from "./auditor.ts";
import type { Life } from "./simulated-process.ts";
import type { SimulatedRun } from "./workload.ts";

/** What the client needs of the world in which it is. */
interface ClientWorld {
  readonly runs: readonly SimulatedRun[];
  readonly auditor: Auditor;
  readonly options: { readonly shards?: number };
  trace(line: string): void;
}

async function told(answer: Promise<Json>): Promise<{ output: Json } | { code: number }> {
  try {
    return { output: await answer };
  } catch (error) {
    if (!(error instanceof TuttiError)) throw error;
    return { code: error.code };
  }
}

/** The client of a world: makes the requests of the workload, cancels some, and waits for every answer. */
export class Requests {
  readonly #app: Tutti;
  readonly #life: Life;
  readonly #world: ClientWorld;

  constructor(app: Tutti, life: Life, world: ClientWorld) {
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
    const { auditor } = this.#world;
    let outcome = await answer;
    auditor.answered(run, outcome);
    let commands = 0;
    for (let times = 1; times <= simulated.redrives && "code" in outcome && outcome.code === 422; times++) {
      const redrives = await this.#redrive(run, times);
      commands += redrives.length;
      outcome = await told(this.#repeat(run, () => this.#app.result(run), 404));
      auditor.redriven(run, times, commands);
      auditor.answered(run, outcome);
      await this.#publishLate(redrives[0]!);
    }
  }

  /** As if the event of a redrive that has long been counted came once more. */
  async #publishLate({ run, task, attempt }: Redriven): Promise<void> {
    const shard = shardOf(run, this.#world.options.shards!);
    const body = encodeJson({ v: 1, task: task!, attempt: attempt! - 1 });
    await this.#repeat(run, () => this.#life.process.bus.append(`tutti.log.default.${shard}.${run}.redrive`, body));
  }

  /** Resolves with an answer to every command it took: one that got none is given again, and now and then two come at once. */
  async #redrive(run: string, times: number): Promise<(Redriven | undefined)[]> {
    let commands = 0;
    const redrive = () =>
      this.#repeat(run, () => {
        commands++;
        return this.#app.dead.redrive(run);
      });
    const answers = await (times % 2 === 0 ? Promise.all([redrive(), redrive()]) : Promise.all([redrive()]));
    return [...answers, ...Array.from({ length: commands - answers.length }, () => undefined)];
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
    return told(ask());
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
