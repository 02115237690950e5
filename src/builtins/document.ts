import { z } from "zod";
import { plan } from "../define/plan.ts";
import { task } from "../define/task.ts";
import { worker } from "../define/worker.ts";
import { analyzeSentimentTask } from "./analyze-sentiment.ts";
import { combineReportsTask } from "./combine-reports.ts";
import { detectLanguageTask } from "./detect-language.ts";
import { type DocumentOutcome, documentOutcome, documentReports } from "./document-report.ts";
import { type DocumentInput, type DocumentSource, documentInput } from "./document-source.ts";
import { extractTask } from "./extract.ts";
import { extractTopicsTask } from "./extract-topics.ts";
import { formatReportTask } from "./format-report.ts";
import { summarizeTask } from "./summarize.ts";

/**
 * Analyses a document and reports its language, summary, topics, sentiment and statistics. The input is `{ text }`, `{
 * file }`, `{ blob, name }`, or `{ documents: [...] }` with up to 1,000 of those. If one of several documents cannot be
 * read, its error stands in place of its report; with `ifUnreadable: "fail"` the whole task fails. A single document
 * that cannot be read fails the task.
 *
 * @example
 * ```ts
 * const report = await app.run(document, { text: "The harbour festival was a delight." });
 * ```
 */
export const document = task("document", {
  description:
    "Analyses a document (txt, md, html, pdf, docx, csv, json, or a text) and reports its language, summary, topics, sentiment and statistics; or several documents at once.",
  input: documentInput,
  output: z.union([documentOutcome, documentReports]),
  timeout: "1m",
});

export const documentWorker = worker(document, ({ input }) =>
  "documents" in input ? planMany(input) : planOne(input),
);

/** The plan for one document: extract → four analyses in parallel → format-report. */
const planOne = (source: DocumentSource) =>
  plan((p) => {
    const { output: content } = p.task(extractTask, source);
    const text = { text: content.text };
    const language = p.task(detectLanguageTask, text);
    const summary = p.task(summarizeTask, text);
    const topics = p.task(extractTopicsTask, text);
    const sentiment = p.task(analyzeSentimentTask, text);
    return p.task(formatReportTask, {
      name: content.name,
      error: content.error,
      statistics: content.statistics,
      language: language.output,
      summary: summary.output,
      topics: topics.output,
      sentiment: sentiment.output,
    });
  });

/** The plan for several documents: a `document` task for each, and one task that combines their results. */
const planMany = ({ documents, ifUnreadable = "report", recognize }: Extract<DocumentInput, { documents: unknown }>) =>
  plan((p) => {
    // By name and not by contract: a single source gives a single report, which the contract's union does not express.
    const parts = documents.map((source, i) =>
      p.task<DocumentOutcome>(
        document.type,
        { ifUnreadable, ...(recognize === undefined ? {} : { recognize }), ...source },
        { key: `document-${i + 1}` },
      ),
    );
    return p.task(combineReportsTask, { documents: parts.map((part) => part.output) });
  });
