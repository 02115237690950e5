import type { Command } from "commander";
import { addExamples } from "./command.ts";
import { addHosting, type HostingOptions, requireBus } from "./options.ts";
import { announceReady } from "./ready.ts";

export function configure(command: Command): void {
  addHosting(command.argument("WORKERS...", "modules that export workers; `builtin` names the built-in ones")).action(
    work,
  );
  addExamples(
    command,
    "worker builtin --bus nats://127.0.0.1:4222",
    "worker ./workers.ts --concurrency 4 --bus nats://127.0.0.1:4222",
  );
}

async function work(modules: readonly string[], options: HostingOptions): Promise<void> {
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
  const stopping = shutdown();
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
  await stopping;
}
