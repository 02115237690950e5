import type { Command } from "commander";
import { addExamples } from "./command.ts";
import { addBus, addJson, type CommonOptions, positiveInteger, requireBus } from "./options.ts";
import { announceReady } from "./ready.ts";

interface Options extends CommonOptions {
  readonly concurrency?: number;
  readonly files?: string;
}

export function configure(command: Command): void {
  addJson(
    addBus(
      command
        .argument("WORKERS...", "modules that export workers; `builtin` names the built-in ones")
        .option("--concurrency <n>", "attempts executed at once (default: 16)", positiveInteger)
        .option("--files <dir>", "let handlers open paths under this folder (default: none)"),
    ),
  ).action(work);
  addExamples(
    command,
    "worker builtin --bus nats://127.0.0.1:4222",
    "worker ./workers.ts --concurrency 4 --bus nats://127.0.0.1:4222",
  );
}

async function work(modules: readonly string[], options: Options): Promise<void> {
  const bus = requireBus(options);
  const { concurrency, files } = options;
  const [{ loadWorkers, requireFolder }, { openSession }, { shutdown }, { outliveStrayErrors }] = await Promise.all([
    import("./worker-modules.ts"),
    import("./session.ts"),
    import("./shutdown.ts"),
    import("./stray-errors.ts"),
  ]);
  if (files !== undefined) await requireFolder("--files", files);
  const { workers } = await loadWorkers(modules);
  const told = shutdown();
  await using session = await openSession({
    bus,
    workers,
    orchestrator: false,
    service: "tutti-worker",
    ...(concurrency !== undefined && { concurrency }),
    ...(files !== undefined && { files }),
  });
  outliveStrayErrors();
  announceReady("worker", { bus: session.app.bus, types: workers.map((one) => one.type) }, options);
  await told;
}
