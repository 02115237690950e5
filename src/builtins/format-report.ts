import { z } from "zod";
import { task } from "../define/task.ts";
import { worker } from "../define/worker.ts";
import { percent } from "./analysis.ts";
import { analyzeSentimentTask } from "./analyze-sentiment.ts";
import { type DocumentReport, documentOutcome } from "./document-report.ts";
import { extractTask } from "./extract.ts";
import { extractTopicsTask } from "./extract-topics.ts";
import { detectedLanguage, nameLanguage } from "./language/language-detection.ts";
import { textStatistics } from "./language/text-statistics.ts";
import { asMarkdown, countOf, signed } from "./markdown-text.ts";
import { summarizeTask } from "./summarize.ts";

export const formatReportTask = task("format-report", {
  description: "Combines the findings about one document, and writes its report in Markdown.",
  input: z.object({
    name: z.string().nullable(),
    error: extractTask.output.shape.error.default(null),
    statistics: textStatistics,
    language: detectedLanguage,
    summary: summarizeTask.output,
    topics: extractTopicsTask.output,
    sentiment: analyzeSentimentTask.output,
  }),
  output: documentOutcome,
  timeout: "1m",
});
type Findings = z.output<typeof formatReportTask.input>;

export const formatReportWorker = worker(formatReportTask, ({ input }) =>
  input.error
    ? { name: input.name, error: input.error }
    : {
        name: input.name,
        language: input.language,
        summary: input.summary.summary,
        topics: input.topics.topics,
        sentiment: { label: input.sentiment.label, score: input.sentiment.score, by: input.sentiment.by },
        statistics: input.statistics,
        report: writeReport(input),
      },
);

/** The report of one document: a heading, its figures and findings, and the origin of the findings in the last line. */
function writeReport({ name, language, statistics, summary, topics, sentiment }: Findings): string {
  const confidence = language.code === "und" ? "" : ` (${language.code}, confidence ${language.confidence.toFixed(2)})`;
  const parts = language.parts?.map((one) => `${nameLanguage(one.code)} ${percent(one.share)}`).join(", ");
  const length = [
    countOf(statistics.words, "word"),
    countOf(statistics.sentences, "sentence"),
    countOf(statistics.characters, "character"),
  ];
  return [
    `# ${name === null ? "Document" : asMarkdown(name)}`,
    `- **Language:** ${nameLanguage(language.code)}${confidence}${parts ? `: ${parts}` : ""}\n- **Length:** ${length.join(", ")}\n- **Sentiment:** ${describeSentiment(sentiment)}`,
    "## Summary",
    asMarkdown(summary.summary) || "None: the text contains no sentence.",
    "## Topics",
    topics.topics.map((topic) => `- ${asMarkdown(topic)}`).join("\n") || "None found.",
    "---",
    `*${describeProvenance({ summary, topics, sentiment })}*`,
  ].join("\n\n");
}

/** Writes a sentiment as `positive (+0.42)`. */
export const describeSentiment = ({ by, label, score }: DocumentReport["sentiment"]): string =>
  by === "none" ? NOT_JUDGED : `${label} (${signed(score)})`;

export const NOT_JUDGED = "not judged";

const MAKERS = {
  model: "a language model",
  local: "local language libraries",
  none: `${NOT_JUDGED}, as there are no rated words in its language, or no prose`,
} as const;

/**
 * Writes the origin of findings as `Summary, topics and sentiment: local language libraries.`, grouped where they
 * differ.
 */
export function describeProvenance(
  findings: Readonly<Record<string, Pick<Findings["sentiment"], "by" | "coverage">>>,
): string {
  const groups = Map.groupBy(Object.entries(findings), ([, { by, coverage }]) =>
    coverage < 1 ? `${MAKERS[by]}, from excerpts (${percent(coverage)} of the text)` : MAKERS[by],
  );
  const list = new Intl.ListFormat("en-GB");
  const line = [...groups].map(([maker, found]) => `${list.format(found.map(([what]) => what))}: ${maker}`).join("; ");
  return `${line.charAt(0).toUpperCase()}${line.slice(1)}.`;
}
