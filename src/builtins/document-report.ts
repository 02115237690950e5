import { z } from "zod";
import { judge, sentiment } from "./analyze-sentiment.ts";
import { detectedLanguage } from "./language/language-detection.ts";
import { textStatistics } from "./language/text-statistics.ts";

/** The result for one document. */
export const documentReport = z.object({
  /** The file's name without folders; null for a text without a name. */
  name: z.string().nullable(),
  language: detectedLanguage,
  summary: z.string(),
  topics: z.array(z.string()),
  sentiment: sentiment.extend({ by: judge }),
  statistics: textStatistics,
  /** Markdown. */
  report: z.string(),
});
export type DocumentReport = z.output<typeof documentReport>;

/** The result for a document that could not be read. */
const unreadableDocument = z.object({ name: z.string().nullable(), error: z.object({ message: z.string() }) });
export type UnreadableDocument = z.output<typeof unreadableDocument>;

export const documentOutcome = z.union([documentReport, unreadableDocument]);
export type DocumentOutcome = z.output<typeof documentOutcome>;

export const isReport = (outcome: DocumentOutcome): outcome is DocumentReport => !("error" in outcome);

/**
 * The result for several documents: a report or an error for each, in the order of the request, and an overall summary
 * and report.
 */
export const documentReports = z.object({
  documents: z.array(documentOutcome),
  summary: z.string(),
  /** Markdown, which includes the documents' own reports. */
  report: z.string(),
});
export type DocumentReports = z.output<typeof documentReports>;
