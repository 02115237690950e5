import type { Worker } from "../define/worker.ts";
import { analyzeSentimentWorker } from "./analyze-sentiment.ts";
import { combineReportsWorker } from "./combine-reports.ts";
import { detectLanguageWorker } from "./detect-language.ts";
import { documentWorker } from "./document.ts";
import { extractWorker } from "./extract.ts";
import { extractTopicsWorker } from "./extract-topics.ts";
import { formatReportWorker } from "./format-report.ts";
import { objective } from "./objective.ts";
import { summarizeWorker } from "./summarize.ts";
import { transformWorker } from "./transform/transform.ts";

/** The workers that come with Tutti: the `document` pipeline, `objective`, and `transform`. */
export const builtinWorkers: readonly Worker[] = [
  documentWorker,
  extractWorker,
  detectLanguageWorker,
  summarizeWorker,
  extractTopicsWorker,
  analyzeSentimentWorker,
  formatReportWorker,
  combineReportsWorker,
  objective,
  transformWorker,
];
