import type { Tutti } from "../../src/app.ts";

/** Has one run of a kind come to its end, and rejects if it ended otherwise than that kind does. */
export type Shape = (app: Tutti, random: () => number) => Promise<void>;

const expectCode = async (run: Promise<unknown>, code: number): Promise<void> => {
  const error = await run.then(
    () => undefined,
    (reason) => reason,
  );
  if (error?.code !== code) throw new Error(`expected an error ${code}, received ${error ?? "a result"}`);
};

/** Every way of starting a run and of its end. */
export const SHAPES: Readonly<Record<string, Shape>> = {
  single: async (app) => void (await app.run("leaf", { n: 1 })),
  wide: async (app, random) => void (await app.run("wide", { tasks: 1 + Math.floor(random() * 100) })),
  chain: async (app) => void (await app.run("chain", { length: 10 })),
  bulky: async (app) => void (await app.run("bulky", { bytes: 400_000 })),
  retried: async (app) => void (await app.run("flaky", {})),
  broken: (app) => expectCode(app.run("broken", {}), 422),
  refused: (app) => expectCode(app.run("leaf", { n: "one" }), 400),
  late: (app) => expectCode(app.run("stuck", {}, { deadline: 200 }), 408),
  async cancelled(app) {
    const run = await app.submit("stuck", {});
    await app.cancel(run);
    await expectCode(app.result(run), 499);
  },
  async submitted(app) {
    const run = await app.submit("wide", { tasks: 5 });
    await app.result(run);
    await app.get(run);
  },
  async watched(app) {
    const run = await app.submit("chain", { length: 3 });
    for await (const event of app.watch(run)) if (!event) throw new Error("an event of nothing");
  },
  async urgent(app) {
    await app.run("leaf", { n: 1 }, { priority: "high" });
  },
  async listed(app) {
    await Promise.all([app.list({ limit: 10 }), app.workers(), app.orchestrators(), app.dead.list({ limit: 10 })]);
  },
};
