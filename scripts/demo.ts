/**
 * `npm run demo`: the `document` pipeline over every file in examples/documents, in one process, with no server and no
 * key. Shows the live task tree and prints the reports.
 */
import { readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { builtinWorkers } from "../src/builtins/builtin.ts";
import { type DocumentReport, type DocumentReports, isReport } from "../src/builtins/document-report.ts";
import { nameLanguage } from "../src/builtins/language/language-detection.ts";
import { createDisplay } from "../src/cli/display.ts";
import { followToEnd } from "../src/cli/follow-run.ts";
import { openSession } from "../src/cli/session.ts";
import { paintFor } from "../src/cli/style.ts";

const FOLDER = fileURLToPath(new URL("../examples/documents", import.meta.url));
const NEXT_STEPS = `What next?
  the same for a document of yours    npm run tutti -- run document --input '{"file":"README.md"}'
  on NATS, with a server of its own   npm run tutti -- dev
  every command                       npm run tutti -- --help
  how it works                        ARCHITECTURE.md`;

const names = (await readdir(FOLDER)).filter((name) => !name.startsWith(".")).sort();
console.error(`Tutti reads ${names.length} documents: ${names.join(", ")}\n`);

using display = createDisplay(process.stderr);
await using session = await openSession({
  workers: builtinWorkers,
  files: FOLDER,
  service: "tutti-demo",
  print: display.note,
});
const { run } = await session.app.submit("document", { documents: names.map((file) => ({ file })) });
const output = (await followToEnd(session.app, run, display)) as unknown as DocumentReports;

const paint = paintFor(process.stdout);
const width = Math.min(process.stdout.columns ?? 100, 100);
const rule = paint("dim", "─".repeat(width));
for (const one of output.documents)
  console.log(
    `\n${rule}\n${isReport(one) ? renderReport(one) : `${paint("bold", one.name ?? "Document")}  not read: ${one.error.message}`}`,
  );
console.log(`\n${rule}\n${paint("bold", "All together")}\n\n${output.summary.split("\n").map(fold).join("\n")}`);
// The last line of every report says how the findings were made.
console.log(
  `\n${paint("dim", output.documents.find(isReport)!.report.trimEnd().split("\n").at(-1)!.replaceAll("*", ""))}`,
);
console.log(`${rule}\n${NEXT_STEPS}`);

function renderReport({ name, language, statistics, sentiment, summary, topics }: DocumentReport): string {
  const style = { positive: "green", neutral: "cyan", negative: "red" } as const;
  const facts = [
    nameLanguage(language.code),
    `${statistics.words} words`,
    `${statistics.sentences} sentences`,
    paint(style[sentiment.label], `${sentiment.label} ${sentiment.score.toFixed(2)}`),
  ];
  return `${paint("bold", name ?? "Document")}  ${facts.join(paint("dim", " · "))}\n\n${fold(summary)}\n\n${fold(`Topics: ${topics.join(", ")}`)}`;
}

/** Folded at spaces to the window, and indented. A script without spaces is left to the terminal. */
function fold(text: string): string {
  const lines = [""];
  for (const word of text.split(/\s+/)) {
    if (lines.at(-1) !== "" && lines.at(-1)!.length + word.length + 3 > width) lines.push("");
    lines[lines.length - 1] = `${lines.at(-1)} ${word}`;
  }
  return lines.map((line) => ` ${line}`).join("\n");
}
