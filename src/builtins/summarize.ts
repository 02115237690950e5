import { z } from "zod";
import { task } from "../define/task.ts";
import { worker } from "../define/worker.ts";
import { asksModel, documentPrompt, provenance, textInput } from "./analysis.ts";
import { extractSummary, SUMMARY_LIMITS } from "./language/extractive-summary.ts";
import { guessLanguages } from "./language/language-detection.ts";
import { describeTable } from "./language/table-summary.ts";
import { blocksOf, isMostlyProse } from "./language/text-blocks.ts";
import { countOf } from "./markdown-text.ts";

export const summarizeTask = task("summarize", {
  description: "Summarizes a text in at most five sentences, in its own language. A short text is returned whole.",
  input: textInput,
  output: provenance.extend({ summary: z.string() }),
  timeout: "2m",
});

export const summarizeWorker = worker(summarizeTask, async ({ input: { text }, llm, signal }) => {
  if (!asksModel(llm, text)) return { ...(await summarizeLocally(text)), by: "local" as const };
  const { prompt, coverage } = documentPrompt(
    `Summarize the document in at most ${SUMMARY_LIMITS.sentences} sentences, in the document's own language. Answer with the summary alone.`,
    text,
  );
  return { summary: (await llm.text(prompt, { signal })).trim(), by: "model" as const, coverage };
});

/** The number of tables that are described; further ones are only counted. */
const MOST_TABLES = 3;

/**
 * Summarizes without a model: by sentences of the prose, or, for a text that consists of tables, by descriptions of
 * them.
 */
async function summarizeLocally(text: string): Promise<{ summary: string; coverage: number }> {
  const blocks = blocksOf(text);
  if (!isMostlyProse(blocks) && blocks.tables.length > 0) {
    const described = blocks.tables.slice(0, MOST_TABLES).map(describeTable);
    const rest = blocks.tables.length - MOST_TABLES;
    return {
      summary: [...described, ...(rest > 0 ? [`And ${countOf(rest, "more table")}.`] : [])].join("\n"),
      coverage: 1,
    };
  }
  const prose = isMostlyProse(blocks) ? blocks.prose : text;
  const [language] = await guessLanguages(prose);
  return extractSummary(prose, language);
}
