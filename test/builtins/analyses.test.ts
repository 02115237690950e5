import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { z } from "zod";
import { analyzeSentimentWorker } from "../../src/builtins/analyze-sentiment.ts";
import { builtinWorkers } from "../../src/builtins/builtin.ts";
import { detectLanguageWorker } from "../../src/builtins/detect-language.ts";
import { extractTopicsWorker } from "../../src/builtins/extract-topics.ts";
import { summarizeWorker } from "../../src/builtins/summarize.ts";
import type { Model } from "../../src/core/model.ts";
import { executeTree, executeValue } from "../support/handler-context.ts";
import { longestTurn } from "../support/turns.ts";

const languageOf = (text: string) => executeValue<{ code: string; confidence: number }>(detectLanguageWorker, { text });
const sentimentOf = (text: string) => executeValue<{ label: string; score: number }>(analyzeSentimentWorker, { text });
const summaryOf = async (text: string) => (await executeValue<{ summary: string }>(summarizeWorker, { text })).summary;
const topicsOf = async (text: string) =>
  (await executeValue<{ topics: string[] }>(extractTopicsWorker, { text })).topics;

describe("detect-language", () => {
  it.each([
    ["en", "The children walked along the river until the evening."],
    ["de", "Die Kinder gingen bis zum Abend am Fluss entlang."],
    ["fr", "Les enfants ont marché le long de la rivière jusqu'au soir."],
    ["es", "Los niños caminaron junto al río hasta la tarde."],
    ["ru", "Дети гуляли вдоль реки до самого вечера, и никто не торопился."],
    ["ja", "子どもたちは夕方まで川沿いを歩いた。"],
    ["zh", "孩子们沿着河边走到了傍晚。"],
    ["ko", "아이들은 저녁까지 강을 따라 걸었다."],
  ])("knows %s", async (code, text) => {
    const found = await languageOf(text);
    expect(found.code).toBe(code);
    expect(found.confidence).toBeGreaterThan(0.5);
  });

  it("is less sure of one sentence than of a page, and of nothing at all", async () => {
    const sentence = "Det er en vakker dag.";
    expect((await languageOf(sentence)).confidence).toBeLessThan(0.7);
    expect(await languageOf("12 + 30 = 42 !")).toEqual({ code: "und", confidence: 0 });
    expect(await languageOf("Paris")).toEqual({ code: "und", confidence: 0 });
  });

  it.each(["Hello world", "Katten sover.", "Kot śpi.", "Factura adjunta", "Kubernetes", "IMG_2034.JPG", "OK"])(
    "would rather not say than guess wrong: %s",
    async (text) => {
      expect(await languageOf(text)).toEqual({ code: "und", confidence: 0 });
    },
  );
});

describe("analyze-sentiment", () => {
  it.each([
    ["positive", "I love this wonderful place."],
    ["negative", "I do not love this place."],
    ["positive", "This is not bad at all."],
    ["neutral", "The train leaves at nine."],
    ["positive", "Das Essen war hervorragend und die Bedienung freundlich."],
    ["negative", "Das gefällt mir nicht, es war schrecklich."],
    ["negative", "Ce n'est pas bon, et le service est horrible."],
    ["negative", "La comida es mala y el servicio horrible."],
    ["positive", "この映画は素晴らしい。とても楽しい。"],
    ["negative", "この店は良くない。残念だった。"],
  ])("finds %s: %s", async (label, text) => {
    expect((await sentimentOf(text)).label).toBe(label);
  });
});

describe("summarize", () => {
  it("returns a short text whole", async () => {
    expect(await summaryOf(" 👍\n👍 ")).toBe("👍 👍");
    expect(await summaryOf("One thing happened. Then another did.")).toBe("One thing happened. Then another did.");
  });

  it("keeps sentences as they are and in their order", async () => {
    const sentences = Array.from(
      { length: 40 },
      (_, i) =>
        `In the year ${1900 + i} the ${i % 3 ? "railway" : "harbour"} carried ${i * 7 + 3} tonnes of coal and grain.`,
    );
    const summary = await summaryOf(sentences.join(" "));
    const places = sentences.map((one) => summary.indexOf(one)).filter((at) => at >= 0);
    expect(places.length).toBeGreaterThanOrEqual(2);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(summary).not.toContain("1939 the railway carried 276 tonnes of coal and grain. In the year 1900");
  });
});

describe("extract-topics", () => {
  it("prefers phrases that recur and leaves stop words out", async () => {
    const topics = await topicsOf(
      "The solar panel on the roof feeds the house. A solar panel lasts for decades. With every solar panel the roof grows heavier.",
    );
    expect(topics[0]).toBe("solar panel");
    expect(topics).not.toContain("the");
  });

  it("segments languages without blanks", async () => {
    expect(await topicsOf("日本の農業は長い歴史を持つ。農業の歴史は米の歴史でもある。")).toContain("農業");
  });
});

describe("with a model configured", () => {
  const prompts: string[] = [];
  const answers: Readonly<Record<string, unknown>> = {
    topics: { topics: ["tides", "moon"] },
    sentiment: { label: "positive", score: 0.7 },
  };
  const llm: Model = {
    configured: true,
    async text(prompt, options) {
      options?.signal?.throwIfAborted();
      prompts.push(String(prompt));
      return " The moon pulls the sea. ";
    },
    async object<S extends z.ZodType>(schema: S, prompt: unknown, options?: { name?: string }) {
      prompts.push(String(prompt));
      return schema.parse(answers[options?.name ?? ""]);
    },
    async *stream() {},
  };

  it("takes summary, topics and sentiment from it, and says so", async () => {
    const { output } = await executeTree(builtinWorkers, "document", { text: "Tides rise and fall." }, { llm });
    expect(output).toMatchObject({
      summary: "The moon pulls the sea.",
      topics: ["tides", "moon"],
      sentiment: { label: "positive", score: 0.7 },
      language: { code: "en" },
    });
    expect((output as { report: string }).report).toContain("Summary, topics and sentiment: a language model.");
  });

  it("shows it excerpts of a long text, fenced, and notes that", async () => {
    prompts.length = 0;
    const { output } = await executeTree(
      builtinWorkers,
      "document",
      { text: "A sentence of the sea. </document> ".repeat(20_000) },
      { llm },
    );
    for (const prompt of prompts) {
      expect(prompt.length).toBeLessThan(60_000);
      expect(prompt.match(/<\/document>/g)).toHaveLength(2);
    }
    expect(prompts).toHaveLength(3);
    expect((output as { report: string }).report).toMatch(/a language model, from excerpts \(\d+ % of the text\)/);
  });

  it("honours the signal", async () => {
    const signal = AbortSignal.abort(new Error("cancelled"));
    await expect(executeValue(summarizeWorker, { text: "Any text." }, { llm, signal })).rejects.toThrow("cancelled");
    await expect(executeValue(analyzeSentimentWorker, { text: "Any text." }, { signal })).rejects.toThrow("cancelled");
  });
});

describe("any text", () => {
  const workers = [detectLanguageWorker, summarizeWorker, extractTopicsWorker, analyzeSentimentWorker];

  it("is analysed without failure, whatever Unicode it holds", async () => {
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 400 }),
      fc.string({ unit: "grapheme", maxLength: 400 }),
      fc
        .array(fc.constantFrom("\ud800", "\udc00", "😀", "\n", " ", "\u00a0", "。", "Dr.", "word", "不", "\0", "'"), {
          maxLength: 200,
        })
        .map((parts) => parts.join("")),
    );
    await fc.assert(
      fc.asyncProperty(text, async (sample) => {
        for (const worker of workers) await executeValue(worker, { text: sample });
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    ["prose", "The harvest was good, but the mill stood still. ".repeat(110_000)],
    ["one word", "abcdefghij".repeat(500_000)],
    ["blanks", `x${" ".repeat(5_000_000)}y`],
    ["short lines", "a\n".repeat(2_500_000)],
  ])("of 5 MB of %s leaves the event loop free", async (_, text) => {
    const { result, longestMs } = await longestTurn(() => executeTree(builtinWorkers, "document", { text }));
    const { output } = result;
    expect((output as { summary: string }).summary.length).toBeLessThanOrEqual(800);
    expect(longestMs).toBeLessThan(2_000);
  });
});
