import type { Command } from "commander";
import type { RunNotice, Tutti } from "../app.ts";
import { addExamples, callName } from "./command.ts";
import type { LocalServer } from "./local-server.ts";
import { addHosting, busOf, type HostingOptions } from "./options.ts";
import { formatClock, printJson, printLines } from "./output.ts";

interface Options extends HostingOptions {
  readonly data: string;
}

export function configure(command: Command): void {
  addHosting(
    command
      .argument("[WORKERS...]", "modules that export workers, besides the built-in ones")
      .option("--data <dir>", "where the started nats-server keeps its data", ".tutti"),
  ).action(dev);
  addExamples(command, "dev", "dev ./workers.ts --data /tmp/tutti", "dev --bus nats://127.0.0.1:4222");
  command.addHelpText(
    "after",
    "\nThe bus is --bus or NATS_URL; else a nats-server on the PATH (or NATS_SERVER_BIN) is started; else it is in process.",
  );
}

async function dev(modules: readonly string[], options: Options): Promise<void> {
  const { concurrency, files } = options;
  const [
    { loadWorkers, requireFolder },
    { openSession },
    { shutdown },
    { outliveStrayErrors },
    { renderNotice },
    { paintFor },
  ] = await Promise.all([
    import("./worker-modules.ts"),
    import("./session.ts"),
    import("./shutdown.ts"),
    import("./stray-errors.ts"),
    import("./change-line.ts"),
    import("./style.ts"),
  ]);
  if (files !== undefined) await requireFolder("--files", files);
  const { workers, replaced } = await loadWorkers(modules, { withBuiltin: true });
  const stopping = shutdown();
  await using server = busOf(options) ? undefined : await startOwnServer(options.data);
  const bus = busOf(options) ?? server?.url;
  const paint = paintFor(process.stdout);
  // Waiting requests may begin at once, but the introduction is printed first.
  const early: RunNotice[] = [];
  const report = (notice: RunNotice) => {
    if (options.json) printJson(noticeJson(notice));
    else printLines([`${formatClock(notice.ended?.at ?? notice.submittedAt)} ${renderNotice(notice, paint)}`]);
  };
  let onRun = (notice: RunNotice): void => void early.push(notice);
  const session = await openSession({
    bus,
    workers,
    service: "tutti-dev",
    onRun: (notice) => onRun(notice),
    ...(concurrency !== undefined && { concurrency }),
    ...(files !== undefined && { files }),
  });
  outliveStrayErrors();
  const { app } = session;
  const types = workers.map((one) => one.type);
  if (options.json)
    printJson({ ready: true, role: "dev", pid: process.pid, bus: app.bus, ...(bus && { url: bus }), types });
  else {
    const rows = introduce({ app, types, replaced, url: bus, server, data: options.data });
    printLines([...rows.map(([label, text]) => `${paint("dim", label.padEnd(8))} ${text}`), ""]);
  }
  early.forEach(report);
  onRun = report;
  // Without its server, the process can neither finish work nor give it back, so it ends.
  await (server ? Promise.race([stopping, server.failed]) : stopping);
  await session.stop();
}

/** Converts a notice to the fields and formats of `runs --json`. */
const noticeJson = ({ run, tenant, type, submittedAt, ended }: RunNotice) => ({
  run,
  tenant,
  type,
  status: ended?.status ?? "running",
  submittedAt: new Date(submittedAt).toISOString(),
  ...(ended && { endedAt: new Date(ended.at).toISOString(), tasks: ended.tasks }),
  ...(ended?.error !== undefined && { error: ended.error }),
});

async function startOwnServer(data: string): Promise<LocalServer | undefined> {
  const { findServer, startServer } = await import("./local-server.ts");
  const program = await findServer();
  return program ? startServer(program, data) : undefined;
}

interface Introduction {
  readonly app: Tutti;
  readonly types: readonly string[];
  readonly replaced: readonly string[];
  readonly url: string | undefined;
  readonly server: LocalServer | undefined;
  readonly data: string;
}

/** The introduction: the bus, the task types, and command lines to run them that can be copied. */
function introduce({ app, types, replaced, url, server, data }: Introduction): [label: string, text: string][] {
  const prefix = process.env.TUTTI_PREFIX || "tutti";
  const type = types.includes("document") ? "document" : (types[0] ?? "TYPE");
  const input = type === "document" ? '{"text":"Tutti plays. The audience loves it."}' : "{}";
  const rows: [string, string][] = [["bus", app.bus]];
  if (server)
    rows.push(["", `a nats-server started here (pid ${server.pid}), which ends with this process; data in ${data}`]);
  if (!url) {
    rows.push(["", "in this process only: nothing survives its end, and no other process can reach it"]);
    rows.push([
      "",
      "for a bus that other processes can reach: put a nats-server on the PATH (https://nats.io/download), or set --bus URL",
    ]);
  }
  rows.push(["types", types.join(", ")]);
  if (replaced.length > 0)
    rows.push(["", `from the given modules, in place of the built-in ones: ${replaced.join(", ")}`]);
  if (url) {
    rows.push(["publish", `nats req --server ${url} ${prefix}.run.${type} '${input}' --timeout 60s`]);
    rows.push(["or", `${callName()} run ${type} --bus ${url} --input '${input}'`]);
  }
  rows.push(["stop", "Ctrl-C"]);
  return rows;
}
