import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { analyzeSentimentWorker } from "../../src/builtins/analyze-sentiment.ts";
import { builtinWorkers } from "../../src/builtins/builtin.ts";
import type { DocumentReport } from "../../src/builtins/document-report.ts";
import { executeTree, executeValue } from "../support/handler-context.ts";

type Label = "positive" | "neutral" | "negative";
interface Judged {
  readonly label: Label;
  readonly score: number;
  readonly by: string;
}

/**
 * Sentences of reviews, news and notices, by language and by how a reader takes them. They were written without a look at
 * the lexicons, after those were done. Whoever mends a lexicon by one of them replaces it by a new one.
 */
const SAMPLES: Readonly<Record<string, Readonly<Record<Label, readonly string[]>>>> = JSON.parse(
  readFileSync(new URL("./sentiment-samples.json", import.meta.url), "utf8"),
);

const judge = (text: string) => executeValue<Judged>(analyzeSentimentWorker, { text });

/** How many sentences of each language are judged as a reader would, and how many as the opposite. */
const tallies = new Map(
  await Promise.all(
    Object.entries(SAMPLES).map(async ([language, samples]) => [language, await tally(samples)] as const),
  ),
);

async function tally(samples: Readonly<Record<Label, readonly string[]>>) {
  const count = { right: 0, opposite: 0, all: 0 };
  for (const [expected, texts] of Object.entries(samples))
    for (const text of texts) {
      const { label } = await judge(text);
      count.all++;
      if (label === expected) count.right++;
      else if (label !== "neutral" && expected !== "neutral") count.opposite++;
    }
  return count;
}

describe("the sentiment of sentences that no lexicon was made for", () => {
  it.each(Object.keys(SAMPLES))("is told in %s for two of three at least, and seldom as the opposite", (language) => {
    const { right, opposite, all } = tallies.get(language)!;
    expect(right / all).toBeGreaterThan(2 / 3);
    expect(opposite / all).toBeLessThan(0.1);
  });

  it("is told for three of four of them all", () => {
    const sum = (of: "right" | "all") => [...tallies.values()].reduce((total, one) => total + one[of], 0);
    expect(sum("right") / sum("all")).toBeGreaterThan(3 / 4);
  });
});

describe("a language without rated words", () => {
  const KOREAN = "직원들이 친절하고 방이 아주 깨끗했어요.";

  it("is not judged, and the report says so", async () => {
    expect(await judge(KOREAN)).toMatchObject({ label: "neutral", score: 0, by: "none" });
    const { output } = await executeTree(builtinWorkers, "document", { text: KOREAN });
    const { sentiment, report } = output as unknown as DocumentReport;
    expect(sentiment).toEqual({ label: "neutral", score: 0, by: "none" });
    expect(report).toContain("- **Sentiment:** not judged\n");
    expect(report).toMatch(/local language libraries; sentiment: not judged, as there are no rated words/i);
  });

  it("is judged by a model where there is one", async () => {
    const llm = {
      configured: true,
      text: async () => "",
      object: async () => ({ label: "positive", score: 0.8 }) as never,
      async *stream() {},
    };
    const judged = await executeValue<Judged>(analyzeSentimentWorker, { text: KOREAN }, { llm });
    expect(judged).toMatchObject({ label: "positive", by: "model" });
  });
});
