import type { Command } from "commander";
import { addExamples } from "./command.ts";
import { addBus, addJson, type CommonOptions, requireBus } from "./options.ts";
import { formatMoment, printJson, printLines } from "./output.ts";

export function configure(command: Command): void {
  addJson(addBus(command)).action(async (options: CommonOptions) => {
    const bus = requireBus(options);
    const [{ openClient }, { renderTable }, { paintFor }] = await Promise.all([
      import("./session.ts"),
      import("./table.ts"),
      import("./style.ts"),
    ]);
    await using session = await openClient(bus);
    const workers = (await session.app.workers()).sort((a, b) => a.worker.localeCompare(b.worker));
    if (options.json)
      return printJson(workers.map(({ v, since, ...rest }) => ({ ...rest, since: new Date(since).toISOString() })));
    if (workers.length === 0) return printLines(["no worker is alive; start one with: tutti worker builtin"]);
    const rows = workers.map((one) => [
      one.worker,
      `${one.running}/${one.concurrency}`,
      one.completed.toLocaleString("en"),
      one.failed.toLocaleString("en"),
      formatMoment(one.since),
      one.types.join(", "),
    ]);
    const heading = ["WORKER", "RUNNING", "COMPLETED", "FAILED", "SINCE", "TYPES"];
    printLines(
      renderTable(heading, rows, { paint: paintFor(process.stdout), right: ["RUNNING", "COMPLETED", "FAILED"] }),
    );
  });
  addExamples(command, "workers --bus nats://127.0.0.1:4222");
}
