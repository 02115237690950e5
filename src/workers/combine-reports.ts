import { z } from "zod";
import type { Model } from "../core/model.ts";
import { task } from "../define/task.ts";
import { worker } from "../define/worker.ts";
import { documentPrompt, type Provenance } from "./analysis.ts";
import { type DocumentReport, documentReport, documentReports } from "./document-report.ts";
import { describeProvenance } from "./format-report.ts";
import { extractSummary } from "./language/extractive-summary.ts";
import { nameLanguage } from "./language/language-detection.ts";
import { asMarkdown, countOf, signed } from "./markdown-text.ts";

export const combineReportsTask = task("combine-reports", {
  description: "Joins the reports on several documents into one, with a summary of them all.",
  input: z.object({ documents: z.array(documentReport).min(1) }),
  output: documentReports,
  timeout: "2m",
});

export const combineReportsWorker = worker(combineReportsTask, async ({ input: { documents }, llm, signal }) => {
  const { summary, ...made } = llm.configured
    ? await summarizeByModel(documents, llm, signal)
    : summarizeLocally(documents);
  return { documents, summary, report: writeReports(documents, summary, made) };
});

const titleOf = (document: DocumentReport, i: number): string => document.name ?? `Document ${i + 1}`;

type OverallSummary = Provenance & { readonly summary: string };

async function summarizeByModel(
  documents: readonly DocumentReport[],
  llm: Model,
  signal: AbortSignal,
): Promise<OverallSummary> {
  const list = documents.map((one, i) => `${titleOf(one, i)} (${one.sentiment.label}): ${one.summary}`).join("\n\n");
  const { prompt, coverage } = documentPrompt(
    "The document lists the summaries of several texts. Summarize them all together, in English, in at most six sentences: what they are about, what they share, where they differ. Answer with the summary alone.",
    list,
  );
  return { summary: (await llm.text(prompt, { signal })).trim(), by: "model", coverage };
}

/** So many documents are summed up with a sentence of their own. */
const MOST_QUOTED = 12;

/** The figures of the whole, then what each document says in one sentence. */
function summarizeLocally(documents: readonly DocumentReport[]): OverallSummary {
  const words = documents.reduce((sum, one) => sum + one.statistics.words, 0);
  const figures = [
    `${countOf(documents.length, "document")}, ${countOf(words, "word")}, in ${tally(documents.map((one) => nameLanguage(one.language.code)))}.`,
    `Sentiment: ${tally(documents.map((one) => one.sentiment.label))}.`,
  ];
  const quotes = documents.slice(0, MOST_QUOTED).map((one, i) => {
    const { summary } = extractSummary(one.summary, one.language.code, { sentences: 1, characters: 240 });
    return `${titleOf(one, i)}: ${summary || "(no sentence)"}`;
  });
  const rest = documents.length > MOST_QUOTED ? [`And ${documents.length - MOST_QUOTED} more.`] : [];
  return { summary: [figures.join(" "), ...quotes, ...rest].join("\n"), by: "local", coverage: 1 };
}

/** `English (3), German`, the most frequent first. */
function tally(values: readonly string[]): string {
  const groups = [...Map.groupBy(values, (value) => value)].sort((a, b) => b[1].length - a[1].length);
  return groups
    .map(([value, { length }]) => (groups.length === 1 && length === values.length ? value : `${value} (${length})`))
    .join(", ");
}

/** The overview first, then every document's own report one level of headings down. */
function writeReports(documents: readonly DocumentReport[], summary: string, made: Provenance): string {
  const rows = documents.map(
    (one, i) =>
      `| ${asMarkdown(titleOf(one, i))} | ${nameLanguage(one.language.code)} | ${one.statistics.words} | ${one.sentiment.label} (${signed(one.sentiment.score)}) | ${one.topics.slice(0, 3).map(asMarkdown).join(", ")} |`,
  );
  return [
    `# Report on ${countOf(documents.length, "document")}`,
    summary
      .split("\n")
      .filter((line) => line.trim() !== "")
      .map(asMarkdown)
      .join("\n\n"),
    ["| Document | Language | Words | Sentiment | Topics |", "| --- | --- | ---: | --- | --- |", ...rows].join("\n"),
    `*${describeProvenance({ "overall summary": made })}*`,
    ...documents.map((one, i) => one.report.replace(/^# Document$/m, `# ${titleOf(one, i)}`).replace(/^#/gm, "##")),
  ].join("\n\n");
}
