import type { Command } from "commander";
import { addExamples } from "./command.ts";
import { addBus, addJson, type CommonOptions, requireBus } from "./options.ts";
import { announceReady } from "./ready.ts";

export function configure(command: Command): void {
  addJson(addBus(command)).action(async (options: CommonOptions) => {
    const bus = requireBus(options);
    const [{ openSession }, { shutdown }] = await Promise.all([import("./session.ts"), import("./shutdown.ts")]);
    const told = shutdown();
    await using session = await openSession({ bus, service: "tutti-orchestrator" });
    announceReady("orchestrator", { bus: session.app.bus }, options);
    await told;
  });
  addExamples(command, "orchestrator --bus nats://127.0.0.1:4222");
}
