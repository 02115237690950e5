import { z } from "zod";
import { task } from "../define/task.ts";
import { worker } from "../define/worker.ts";
import { asksModel, documentPrompt, provenance, textInput } from "./analysis.ts";
import { extractSummary, SUMMARY_LIMITS } from "./language/extractive-summary.ts";
import { guessLanguage } from "./language/language-detection.ts";

export const summarizeTask = task("summarize", {
  description: "Summarizes a text in at most five sentences, in its own language. A short text is returned whole.",
  input: textInput,
  output: provenance.extend({ summary: z.string() }),
  timeout: "2m",
});

export const summarizeWorker = worker(summarizeTask, async ({ input: { text }, llm, signal }) => {
  if (!asksModel(llm, text)) return { ...extractSummary(text, (await guessLanguage(text)).code), by: "local" as const };
  const { prompt, coverage } = documentPrompt(
    `Summarize the document in at most ${SUMMARY_LIMITS.sentences} sentences, in the document's own language. Answer with the summary alone.`,
    text,
  );
  return { summary: (await llm.text(prompt, { signal })).trim(), by: "model" as const, coverage };
});
