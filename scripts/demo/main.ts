/**
 * `npm run demo -- [--kill | --no-kill]`: the `document` pipeline over every file in examples/documents, in one process
 * without a server and a key; then, if there is a nats-server, a run on NATS that outlives one of its workers.
 */
import { readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { builtinWorkers } from "../../src/builtins/builtin.ts";
import { type DocumentReport, type DocumentReports, isReport } from "../../src/builtins/document-report.ts";
import { nameLanguage } from "../../src/builtins/language/language-detection.ts";
import { createDisplay } from "../../src/cli/display.ts";
import { foldText } from "../../src/cli/fold-text.ts";
import { followToEnd } from "../../src/cli/follow-run.ts";
import { findServer } from "../../src/cli/local-server.ts";
import { openSession } from "../../src/cli/session.ts";
import { paintFor } from "../../src/cli/style.ts";
import { readArguments } from "../arguments.ts";
import { surviveKill } from "./kill.ts";

const FOLDER = fileURLToPath(new URL("../../examples/documents", import.meta.url));
/** The number of reports that are printed whole. */
const REPORTS = 2;
const USAGE = `npm run demo -- [--kill | --no-kill]

Runs the document pipeline over the sample documents, in one process and without a server; then a run on NATS one of whose
workers is killed. Default: with the kill if there is a nats-server on the PATH or in NATS_SERVER_BIN.`;
const NEXT_STEPS = `What next?
  a document of yours   npm run tutti -- run document -i '{"file":"README.md"}'
  on NATS               npm run tutti -- dev
  every command         npm run tutti -- --help
  how it works          ARCHITECTURE.md`;

const { values, refuse } = readArguments(USAGE, { kill: { type: "boolean" }, "no-kill": { type: "boolean" } });
const natsServer = values["no-kill"] ? undefined : await findServer();
if (values.kill && !natsServer)
  refuse("--kill needs a nats-server, 2.9 or later, on the PATH: https://nats.io/download");

const paint = paintFor(process.stdout);
const width = Math.min(process.stdout.columns ?? 100, 100);
const rule = paint("dim", "─".repeat(width));

await showDocuments();
if (natsServer) await showKill(natsServer);
else if (!values["no-kill"])
  console.log(
    `${rule}\n${foldText("With a nats-server on the PATH (https://nats.io/download), the demo ends with a run that outlives one of its workers.", width).join("\n")}`,
  );
console.log(`${rule}\n${NEXT_STEPS}`);

/**
 * Shows the documents in one process: the live tree, two reports, one line for each other document, and the summary.
 */
async function showDocuments(): Promise<void> {
  const names = (await readdir(FOLDER)).filter((name) => !name.startsWith(".")).sort();
  console.error(`Tutti reads ${names.length} documents, in this process and without a server.\n`);
  const display = createDisplay(process.stderr);
  await using session = await openSession({
    workers: builtinWorkers,
    files: FOLDER,
    service: "tutti-demo",
    print: display.note,
  });
  const { run } = await session.app.submit("document", { documents: names.map((file) => ({ file })) });
  const output = (await followToEnd(session.app, run, display)) as unknown as DocumentReports;
  const reports = output.documents.filter(isReport);
  for (const one of reports.slice(0, REPORTS)) console.log(`\n${rule}\n${renderReport(one)}`);
  console.log(`\n${rule}`);
  for (const one of output.documents)
    if (!isReport(one)) console.log(`${paint("bold", one.name ?? "Document")}  not read: ${one.error.message}`);
  for (const one of reports.slice(REPORTS)) console.log(renderHeading(one));
  console.log(`${rule}\n${paint("bold", "All together")}\n\n${fold(output.summary)}`);
  // The last line of every report states the origin of its findings.
  console.log(`\n${paint("dim", reports[0]!.report.trimEnd().split("\n").at(-1)!.replaceAll("*", ""))}`);
}

async function showKill(server: string): Promise<void> {
  console.error(`\n${rule}\nNow on NATS: one orchestrator, two worker processes, and one of the two is killed.\n`);
  const { tasks, succeeded, taken } = await surviveKill(server, process.stderr);
  const verdict = `${succeeded} of ${tasks} tasks succeeded; ${taken} that the dead worker had begun were finished by the other.`;
  console.log(paint(succeeded === tasks ? "green" : "red", `\n${verdict}`));
  if (succeeded !== tasks) process.exitCode = 1;
}

/** Renders a heading: `harbour-festival.txt  English · 400 words · 21 sentences · positive 0.41`. */
function renderHeading({ name, language, statistics, sentiment }: DocumentReport): string {
  const style = { positive: "green", neutral: "cyan", negative: "red" } as const;
  const facts = [
    nameLanguage(language.code),
    `${statistics.words} words`,
    `${statistics.sentences} sentences`,
    paint(style[sentiment.label], `${sentiment.label} ${sentiment.score.toFixed(2)}`),
  ];
  return `${paint("bold", name ?? "Document")}  ${facts.join(paint("dim", " · "))}`;
}

function renderReport(one: DocumentReport): string {
  return `${renderHeading(one)}\n\n${fold(one.summary)}\n\n${fold(`Topics: ${one.topics.join(", ")}`)}`;
}

/** Folds a text to the window and indents it. Text without spaces is wrapped by the terminal. */
function fold(text: string): string {
  return foldText(text, width - 1)
    .map((line) => ` ${line}`)
    .join("\n");
}
