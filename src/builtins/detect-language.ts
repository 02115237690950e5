import { task } from "../define/task.ts";
import { worker } from "../define/worker.ts";
import { textInput } from "./analysis.ts";
import { detectedLanguage, detectLanguage } from "./language/language-detection.ts";
import { proseOf } from "./language/text-blocks.ts";

export const detectLanguageTask = task("detect-language", {
  description:
    "Finds the main language of a text: its ISO 639-1 code (`und` when unknown) and a confidence from 0 to 1; for a text in several languages, the share of each.",
  input: textInput,
  output: detectedLanguage,
  timeout: "1m",
});

export const detectLanguageWorker = worker(detectLanguageTask, ({ input }) => detectLanguage(proseOf(input.text)));
