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
 * A document in, its report out: language, summary, topics, sentiment, statistics. Takes `{ text }`, `{ file }`,
 * `{ blob, name }`, or `{ documents: [...] }` with up to 1,000 of those. Of several, one that cannot be read is reported
 * with its error, and the others as ever; `ifUnreadable: "fail"` makes it fail them all, as it does where it is the only one.
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

/** extract → four analyses side by side → format-report. */
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

/** A plan of its own for each document, and one task that joins what they come to. */
const planMany = ({ documents, ifUnreadable = "report", recognize }: Extract<DocumentInput, { documents: unknown }>) =>
  plan((p) => {
    // By name, as a single source gives a single report, which the contract's union does not say.
    const parts = documents.map((source, i) =>
      p.task<DocumentOutcome>(
        document.type,
        { ifUnreadable, ...(recognize === undefined ? {} : { recognize }), ...source },
        { key: `document-${i + 1}` },
      ),
    );
    return p.task(combineReportsTask, { documents: parts.map((part) => part.output) });
  });
