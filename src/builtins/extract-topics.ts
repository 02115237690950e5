import { z } from "zod";
import { task } from "../define/task.ts";
import { worker } from "../define/worker.ts";
import { asksModel, documentPrompt, provenance, textInput } from "./analysis.ts";
import { excerptOf } from "./language/excerpt.ts";
import { extractKeyPhrases } from "./language/key-phrases.ts";
import { guessLanguages } from "./language/language-detection.ts";
import { breathe } from "./language/slices.ts";
import { proseOf } from "./language/text-blocks.ts";

const MOST_TOPICS = 8;
/**
 * The characters of a text that are searched for phrases. Counting takes about 0.5 µs per character, without a pause.
 */
const READ_CHARACTERS = 200_000;

export const extractTopicsTask = task("extract-topics", {
  description:
    "Finds the topics of a text: up to eight words or short phrases in its own language, the most important first.",
  input: textInput,
  output: provenance.extend({ topics: z.array(z.string()) }),
  timeout: "2m",
});

const modelTopics = z.object({ topics: z.array(z.string().min(1)).max(50) });

export const extractTopicsWorker = worker(extractTopicsTask, async ({ input: { text }, llm, signal }) => {
  if (asksModel(llm, text)) {
    const { prompt, coverage } = documentPrompt(
      `Name the topics of the document, the most important first: at most ${MOST_TOPICS}, each of one to four words, in the document's own language.`,
      text,
    );
    const { topics } = await llm.object(modelTopics, prompt, { signal, name: "topics" });
    return { topics: topics.slice(0, MOST_TOPICS), by: "model" as const, coverage };
  }
  const excerpt = excerptOf(proseOf(text), READ_CHARACTERS);
  const languages = await guessLanguages(excerpt.text);
  await breathe(signal);
  return {
    topics: extractKeyPhrases(excerpt.text, languages, MOST_TOPICS),
    by: "local" as const,
    coverage: excerpt.coverage,
  };
});
