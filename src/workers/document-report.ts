import { z } from "zod";
import { sentiment } from "./analyze-sentiment.ts";
import { detectedLanguage } from "./language/language-detection.ts";
import { textStatistics } from "./language/text-statistics.ts";

/** What comes out for one document. */
export const documentReport = z.object({
  /** The file's name without folders; null for a text that was given none. */
  name: z.string().nullable(),
  language: detectedLanguage,
  summary: z.string(),
  topics: z.array(z.string()),
  sentiment,
  statistics: textStatistics,
  /** Markdown. */
  report: z.string(),
});
export type DocumentReport = z.output<typeof documentReport>;

/** What comes out for several: one report each, in the order of the request, and a summary and a report of them all. */
export const documentReports = z.object({
  documents: z.array(documentReport),
  summary: z.string(),
  /** Markdown; holds the documents' own reports. */
  report: z.string(),
});
export type DocumentReports = z.output<typeof documentReports>;
