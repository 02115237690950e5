import { type Command, Option } from "commander";
import { addExamples } from "./command.ts";
import { addBus, addJson, type CommonOptions, requireBus } from "./options.ts";
import { announceReady } from "./ready.ts";

interface Options extends CommonOptions {
  readonly lease?: string;
}

export function configure(command: Command): void {
  const lease = new Option(
    "--lease <duration>",
    "time after which another orchestrator takes over from a dead one; the same for all (default: 5s)",
  ).env("TUTTI_LEASE");
  addJson(addBus(command).addOption(lease)).action(async (options: Options) => {
    const bus = requireBus(options);
    const env = { ...process.env, ...(options.lease !== undefined && { TUTTI_LEASE: options.lease }) };
    const [{ openSession }, { shutdown }] = await Promise.all([import("./session.ts"), import("./shutdown.ts")]);
    const stopping = shutdown();
    await using session = await openSession({ bus, env, service: "tutti-orchestrator" });
    announceReady("orchestrator", { bus: session.app.bus }, options);
    await stopping;
  });
  addExamples(
    command,
    "orchestrator --bus nats://127.0.0.1:4222",
    "orchestrator --lease 2s --bus nats://127.0.0.1:4222",
  );
}
