import { z } from "zod";
import { task } from "../define/task.ts";
import { worker } from "../define/worker.ts";
import { asksModel, documentPrompt, provenance, textInput } from "./analysis.ts";
import { guessLanguages } from "./language/language-detection.ts";
import { hasLexicon } from "./language/lexicon.ts";
import { addPolarity, labelOf, NO_POLARITY, polarityOf, scoreOf } from "./language/polarity.ts";
import { breathe, slicesOf } from "./language/slices.ts";
import { blocksOf, isMostlyProse } from "./language/text-blocks.ts";

/** A sentiment. The score ranges from −1 (wholly negative) to 1 (wholly positive). */
export const sentiment = z.object({
  label: z.enum(["positive", "neutral", "negative"]),
  score: z.number().min(-1).max(1),
});

/**
 * The origin of a sentiment. It is `none`, and the label neutral, when no model is configured and either no lexicon
 * covers the language, or the text consists of tables and code rather than prose.
 */
export const judge = z.enum([...provenance.shape.by.options, "none"]);

export const analyzeSentimentTask = task("analyze-sentiment", {
  description: "Rates the sentiment of a text: positive, neutral or negative, with a score from -1 to 1.",
  input: textInput,
  output: provenance.extend({ by: judge, ...sentiment.shape }),
  timeout: "2m",
});

export const analyzeSentimentWorker = worker(analyzeSentimentTask, async ({ input: { text }, llm, signal }) => {
  if (asksModel(llm, text)) {
    const { prompt, coverage } = documentPrompt(
      "Judge the sentiment of the document: the label positive, neutral or negative, and a score from -1 (wholly negative) to 1 (wholly positive).",
      text,
    );
    return { ...(await llm.object(sentiment, prompt, { signal, name: "sentiment" })), by: "model" as const, coverage };
  }
  const blocks = blocksOf(text);
  const [code] = await guessLanguages(blocks.prose);
  if (!isMostlyProse(blocks) || !hasLexicon(code))
    return { label: "neutral" as const, score: 0, by: "none" as const, coverage: 1 };
  let polarity = NO_POLARITY;
  for (const slice of slicesOf(blocks.prose)) {
    await breathe(signal);
    polarity = addPolarity(polarity, polarityOf(slice, code));
  }
  const score = scoreOf(polarity);
  return { label: labelOf(score), score, by: "local" as const, coverage: 1 };
});
