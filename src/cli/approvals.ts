import type { Command } from "commander";
import { addExamples } from "./command.ts";
import { addCommon, type CommonOptions, positiveInteger, requireBus, tenantOf } from "./options.ts";
import { formatMoment, printJson, printLines } from "./output.ts";

interface Options extends CommonOptions {
  readonly limit: number;
}

export function configure(command: Command): void {
  addCommon(command.option("--limit <n>", "at most this many", positiveInteger, 50)).action(
    async (options: Options) => {
      const bus = requireBus(options);
      const [{ openClient }, { renderTable }, { asText, oneLine, paintFor, shorten }] = await Promise.all([
        import("./session.ts"),
        import("./table.ts"),
        import("./style.ts"),
      ]);
      await using session = await openClient(bus);
      const approvals = await session.app.approvals({ ...tenantOf(options), limit: options.limit });
      if (options.json) return printJson(approvals);
      if (approvals.length === 0) return printLines(["nothing is waited for"]);
      const rows = approvals.map(({ run, task, signal, ask, from, since, until }) => [
        run,
        task,
        signal,
        ask === undefined ? "" : shorten(oneLine(asText(ask)), 60),
        from?.join(", ") ?? "anybody",
        formatMoment(since),
        until === undefined ? "" : formatMoment(until),
      ]);
      const heads = ["RUN", "TASK", "SIGNAL", "ASKED", "FROM", "SINCE", "UNTIL"];
      printLines(renderTable(heads, rows, { paint: paintFor(process.stdout) }));
    },
  );
  addExamples(
    command,
    "approvals --bus nats://127.0.0.1:4222",
    "approvals --json | jq -r '.[] | [.run, .task] | @tsv'",
  );
}
