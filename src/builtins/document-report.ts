import { z } from "zod";
import { judge, sentiment } from "./analyze-sentiment.ts";
import { detectedLanguage } from "./language/language-detection.ts";
import { textStatistics } from "./language/text-statistics.ts";

/** What comes out for one document. */
export const documentReport = z.object({
  /** The file's name without folders; null for a text that was given none. */
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

/** What stands in a report's place for a document that could not be read. */
const unreadableDocument = z.object({ name: z.string().nullable(), error: z.object({ message: z.string() }) });
export type UnreadableDocument = z.output<typeof unreadableDocument>;

export const documentOutcome = z.union([documentReport, unreadableDocument]);
export type DocumentOutcome = z.output<typeof documentOutcome>;

export const isReport = (outcome: DocumentOutcome): outcome is DocumentReport => !("error" in outcome);

/** What comes out for several: a report or an error each, in the order of the request, and a summary and a report of them all. */
export const documentReports = z.object({
  documents: z.array(documentOutcome),
  summary: z.string(),
  /** Markdown; holds the documents' own reports. */
  report: z.string(),
});
export type DocumentReports = z.output<typeof documentReports>;
