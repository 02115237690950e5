import type { Command } from "commander";
import { addExamples } from "./command.ts";
import { addCommon, type CommonOptions, positiveInteger, requireBus, tenantOf } from "./options.ts";
import { formatMoment, printJson, printLines } from "./output.ts";

interface Options extends CommonOptions {
  readonly limit: number;
  readonly tag?: string;
}

const STYLES = { running: "cyan", paused: "yellow", succeeded: "green", failed: "red", cancelled: "yellow" } as const;

export function configure(command: Command): void {
  addCommon(
    command
      .alias("ls")
      .option("--limit <n>", "at most this many", positiveInteger, 50)
      .option("--tag <word>", "only runs that have this tag"),
  ).action(async (options: Options) => {
    const bus = requireBus(options);
    const [{ openClient }, { renderTable }, { oneLine, paintFor, shorten }, { formatDuration }] = await Promise.all([
      import("./session.ts"),
      import("./table.ts"),
      import("./style.ts"),
      import("../core/duration.ts"),
    ]);
    await using session = await openClient(bus);
    const { limit, tag } = options;
    const runs = await session.app.list({ ...tenantOf(options), limit, ...(tag !== undefined && { tag }) });
    if (options.json) return printJson(runs);
    if (runs.length === 0) return printLines(["no runs"]);
    const paint = paintFor(process.stdout);
    const rows = runs.map((run) => [
      run.run,
      run.type,
      paint(STYLES[run.status], run.status),
      formatMoment(run.submittedAt),
      run.endedAt ? formatDuration(Date.parse(run.endedAt) - Date.parse(run.submittedAt)) : "",
      String(run.totals.tasks),
      run.error ? shorten(oneLine(run.error.message), 60) : "",
    ]);
    printLines(
      renderTable(["RUN", "TYPE", "STATUS", "SUBMITTED", "TOOK", "TASKS", "ERROR"], rows, {
        paint,
        right: ["TOOK", "TASKS"],
      }),
    );
  });
  addExamples(
    command,
    "runs --bus nats://127.0.0.1:4222",
    "runs --tag nightly",
    "runs --json | jq '.[] | select(.status == \"failed\") | .run'",
  );
}
