import type { Command } from "commander";
import { formatDuration } from "../core/duration.ts";
import type { ServiceView } from "../core/service-view.ts";
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
    const models = await session.app.models();
    if (options.json) return printJson(models.map(withMoments));
    if (models.length === 0)
      return printLines(["no worker that is alive has called a model or another service behind a breaker yet"]);
    const rows = models.map((one) => [
      one.name,
      one.state,
      formatMoment(one.since),
      one.until === undefined ? "" : formatMoment(one.until),
      String(one.load),
      one.completed.toLocaleString("en"),
      one.failed.toLocaleString("en"),
      one.hits === undefined ? "" : one.hits.toLocaleString("en"),
      one.latencyMs === undefined ? "" : formatDuration(one.latencyMs),
      describeLimits(one),
      [one.reason, one.held.length > 0 ? `holds back ${one.held.join(", ")}` : ""].filter(Boolean).join("; "),
    ]);
    const heading = [
      "NAME",
      "STATE",
      "SINCE",
      "NEXT TRY",
      "LOAD",
      "DONE",
      "FAILED",
      "CACHED",
      "LATENCY",
      "A MINUTE",
      "WHY",
    ];
    printLines(
      renderTable(heading, rows, {
        paint: paintFor(process.stdout),
        right: ["LOAD", "DONE", "FAILED", "CACHED", "LATENCY"],
      }),
    );
  });
  addExamples(command, "models --bus nats://127.0.0.1:4222");
}

const withMoments = ({ since, until, ...rest }: ServiceView) => ({
  ...rest,
  since: new Date(since).toISOString(),
  ...(until !== undefined && { until: new Date(until).toISOString() }),
});

const describeLimits = ({ limits: { requests, tokens } = {} }: ServiceView): string =>
  [requests && `${requests} requests`, tokens && `${tokens} tokens`].filter(Boolean).join(", ");
