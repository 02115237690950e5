import { z } from "zod";
import { TerminalError } from "../core/error.ts";
import type { Model } from "../core/model.ts";
import { task } from "../define/task.ts";
import { worker } from "../define/worker.ts";
import { documentPrompt, type Provenance } from "./analysis.ts";
import {
  type DocumentOutcome,
  type DocumentReport,
  documentOutcome,
  documentReports,
  isReport,
  type UnreadableDocument,
} from "./document-report.ts";
import { describeProvenance, describeSentiment, NOT_JUDGED } from "./format-report.ts";
import { extractSummary } from "./language/extractive-summary.ts";
import { nameLanguage } from "./language/language-detection.ts";
import { asMarkdown, countOf } from "./markdown-text.ts";

export const combineReportsTask = task("combine-reports", {
  description: "Joins the reports on several documents into one, with a summary of them all.",
  input: z.object({ documents: z.array(documentOutcome).min(1) }),
  output: documentReports,
  timeout: "2m",
});

export const combineReportsWorker = worker(combineReportsTask, async ({ input: { documents }, llm, signal }) => {
  const titled = documents.map((outcome, i) => ({ outcome, title: outcome.name ?? `Document ${i + 1}` }));
  const read = titled.filter((one): one is Titled<DocumentReport> => isReport(one.outcome));
  const unread = titled.filter((one): one is Titled<UnreadableDocument> => !isReport(one.outcome));
  if (read.length === 0)
    throw new TerminalError(
      `none of ${countOf(documents.length, "document")} can be read: ${unread.map(whyOf).join(" | ")}`,
    );
  const { summary, ...made } = llm.configured ? await summarizeByModel(read, llm, signal) : summarizeLocally(read);
  const whole = [summary, ...unread.map((one) => `Not read: ${whyOf(one)}`)].join("\n");
  return { documents, summary: whole, report: writeReports(titled, whole, made) };
});

interface Titled<Outcome = DocumentOutcome> {
  readonly outcome: Outcome;
  readonly title: string;
}

const whyOf = ({ outcome }: Titled<UnreadableDocument>) => outcome.error.message;

type OverallSummary = Provenance & { readonly summary: string };

async function summarizeByModel(
  documents: readonly Titled<DocumentReport>[],
  llm: Model,
  signal: AbortSignal,
): Promise<OverallSummary> {
  const list = documents.map(({ title, outcome }) => `${title} (${outcome.sentiment.label}): ${outcome.summary}`);
  const { prompt, coverage } = documentPrompt(
    "The document lists the summaries of several texts. Summarize them all together, in English, in at most six sentences: what they are about, what they share, where they differ. Answer with the summary alone.",
    list.join("\n\n"),
  );
  return { summary: (await llm.text(prompt, { signal })).trim(), by: "model", coverage };
}

/** The largest number of documents that are each quoted with a sentence. */
const MOST_QUOTED = 12;

/** Summarizes without a model: the overall figures, then one sentence of each document. */
function summarizeLocally(documents: readonly Titled<DocumentReport>[]): OverallSummary {
  const reports = documents.map((one) => one.outcome);
  const words = reports.reduce((sum, one) => sum + one.statistics.words, 0);
  const figures = [
    `${countOf(documents.length, "document")}, ${countOf(words, "word")}, in ${tally(reports.map((one) => nameLanguage(one.language.code)))}.`,
    `Sentiment: ${tally(reports.map(({ sentiment }) => (sentiment.by === "none" ? NOT_JUDGED : sentiment.label)))}.`,
  ];
  const quotes = documents.slice(0, MOST_QUOTED).map(({ title, outcome }) => {
    const { summary } = extractSummary(outcome.summary, outcome.language.code, { sentences: 1, characters: 240 });
    return `${title}: ${summary || "(no sentence)"}`;
  });
  const rest = documents.length > MOST_QUOTED ? [`And ${documents.length - MOST_QUOTED} more.`] : [];
  return { summary: [figures.join(" "), ...quotes, ...rest].join("\n"), by: "local", coverage: 1 };
}

/** Counts values as `English (3), German (1)`, the most frequent first. */
function tally(values: readonly string[]): string {
  const groups = [...Map.groupBy(values, (value) => value)].sort((a, b) => b[1].length - a[1].length);
  return groups
    .map(([value, { length }]) => (groups.length === 1 && length === values.length ? value : `${value} (${length})`))
    .join(", ");
}

/** The overall report: an overview, then each document's own report with its headings one level lower. */
function writeReports(documents: readonly Titled[], summary: string, made: Provenance): string {
  return [
    `# Report on ${countOf(documents.length, "document")}`,
    summary
      .split("\n")
      .filter((line) => line.trim() !== "")
      .map(asMarkdown)
      .join("\n\n"),
    [
      "| Document | Language | Words | Sentiment | Topics |",
      "| --- | --- | ---: | --- | --- |",
      ...documents.map(rowOf),
    ].join("\n"),
    `*${describeProvenance({ "overall summary": made })}*`,
    ...documents.map(sectionOf),
  ].join("\n\n");
}

function rowOf({ title, outcome }: Titled): string {
  const cells = isReport(outcome)
    ? [
        nameLanguage(outcome.language.code),
        outcome.statistics.words,
        describeSentiment(outcome.sentiment),
        outcome.topics.slice(0, 3).map(asMarkdown).join(", "),
      ]
    : ["not read", "", "", ""];
  return `| ${[asMarkdown(title), ...cells].join(" | ")} |`;
}

const sectionOf = ({ title, outcome }: Titled): string =>
  isReport(outcome)
    ? outcome.report.replace(/^# Document$/m, `# ${title}`).replace(/^#/gm, "##")
    : `## ${asMarkdown(title)}\n\nNot read: ${asMarkdown(outcome.error.message)}`;
