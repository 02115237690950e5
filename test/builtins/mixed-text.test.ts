import { describe, expect, it } from "vitest";
import { analyzeSentimentWorker } from "../../src/builtins/analyze-sentiment.ts";
import { builtinWorkers } from "../../src/builtins/builtin.ts";
import { detectLanguageWorker } from "../../src/builtins/detect-language.ts";
import type { DocumentReport } from "../../src/builtins/document-report.ts";
import { extractTopicsWorker } from "../../src/builtins/extract-topics.ts";
import type { DetectedLanguage } from "../../src/builtins/language/language-detection.ts";
import { summarizeWorker } from "../../src/builtins/summarize.ts";
import { executeTree, executeValue, memoryBlobs } from "../support/handler-context.ts";

const languageOf = (text: string) => executeValue<DetectedLanguage>(detectLanguageWorker, { text });
const summaryOf = async (text: string) => (await executeValue<{ summary: string }>(summarizeWorker, { text })).summary;
const topicsOf = async (text: string) =>
  (await executeValue<{ topics: string[] }>(extractTopicsWorker, { text })).topics;
const sentimentOf = (text: string) =>
  executeValue<{ label: string; score: number; by: string }>(analyzeSentimentWorker, { text });

const SPANISH =
  "El puerto de la ciudad se llena de barcos cada mañana, y los pescadores venden en el muelle lo que han traído durante la noche. ";
const ENGLISH =
  "The harbour of the town is full of ships every morning, and the fishermen sell on the quay what they caught during the night. ";
const CHINESE = "每天早晨城市的港口都停满了船，渔民们在码头上出售他们夜里捕到的鱼。";

describe("the language of a mixed text", () => {
  it("is that of most of its words, with a confidence to match and the parts", async () => {
    const { code, confidence, parts } = await languageOf(`${SPANISH.repeat(40)}\n\n${ENGLISH.repeat(20)}`);
    expect(code).toBe("es");
    expect(confidence).toBeGreaterThan(0.55);
    expect(confidence).toBeLessThan(0.8);
    expect(parts?.map((one) => one.code)).toEqual(["es", "en"]);
    expect(parts![0]!.share).toBeCloseTo(2 / 3, 1);
  });

  it("is found where paragraphs alternate", async () => {
    const { code, parts } = await languageOf(`${SPANISH.repeat(4)}\n\n${ENGLISH.repeat(2)}\n\n`.repeat(30));
    expect(code).toBe("es");
    expect(parts?.map((one) => one.code)).toEqual(["es", "en"]);
  });

  it("counts words rather than letters, whatever the script", async () => {
    // 36,000 characters are some 21,000 words.
    const text = `${CHINESE.repeat(1_100)}\n\n${ENGLISH.repeat(700)}`;
    const { code, confidence, parts } = await languageOf(text);
    expect(code).toBe("zh");
    expect(confidence).toBeLessThan(0.8);
    expect(parts?.map((one) => one.code)).toEqual(["zh", "en"]);
  });

  it("is sure and has no parts where there is one language", async () => {
    const found = await languageOf(ENGLISH.repeat(40));
    expect(found).toEqual({ code: "en", confidence: 0.99 });
  });

  it.each(["Square Circle", "guestguest", "Invoice", "Total EUR"])(
    "is not told from a word or two: %s",
    async (text) => {
      expect(await languageOf(text)).toEqual({ code: "und", confidence: 0 });
    },
  );
});

describe("the topics of a mixed text", () => {
  it("are stop words of none of its languages", async () => {
    const link = "See https://www.example.org/this and write to this@example.org. ";
    const topics = await topicsOf(`${CHINESE.repeat(30)}\n\n${ENGLISH.repeat(10)}\n\n${link.repeat(20)}`);
    expect(topics.length).toBeGreaterThan(2);
    for (const word of ["the", "this", "and", "of", "https", "www", "的", "了", "在"])
      expect(topics.map((topic) => topic.toLowerCase())).not.toContain(word);
  });
});

describe("a text of rows", () => {
  const rows = Array.from({ length: 20 }, (_, i) => `"S${i + 1}"\t"growth protocol"`).join("\n");

  it("is not judged", async () => {
    expect(await sentimentOf(rows)).toMatchObject({ label: "neutral", score: 0, by: "none" });
  });

  it("is summed up by what it holds", async () => {
    expect(await summaryOf(rows)).toBe(
      "A table of 20 rows and 2 columns. Column 1: 20 values, such as S1, S2, S3. Column 2: growth protocol.",
    );
  });

  it.each([",", ";", "|", "\t"])("is known by its separators: %j", async (separator) => {
    const lines = [
      ["port", "ships", "open"],
      ["Bremen", "12", "yes"],
      ["Kiel", "7", "yes"],
      ["Oslo", "31", "no"],
    ];
    const text = lines.map((cells) => cells.join(separator)).join("\n");
    expect(await summaryOf(text)).toBe(
      "A table of 3 rows and 3 columns. port: Bremen, Kiel, Oslo. ships: 7 to 31. open: yes, no.",
    );
  });

  it("is left out where it stands in prose", async () => {
    const text = `${ENGLISH.repeat(5)}\n\n${rows}\n\nEverybody was happy and loved this wonderful morning on the quay.`;
    expect((await sentimentOf(text)).label).toBe("positive");
    expect(await summaryOf(text)).not.toContain("protocol");
    expect(await topicsOf(text)).not.toContain("growth protocol");
  });

  it("is not seen in prose that has commas", async () => {
    const prose =
      "Ships, boats, and barges lay there.\nSails, ropes, and nets were dry.\nMen, women, and children came.\n";
    expect(await summaryOf(prose)).toContain("Ships, boats, and barges lay there.");
  });
});

describe("code", () => {
  it("counts neither for topics nor for sentiment", async () => {
    const code = "```js\nconst terribleDisaster = kill(awful, horrible, hate);\n```\n\n";
    const blobs = memoryBlobs();
    const markdown = `# Harbour\n\nI love this wonderful harbour and its happy fishermen.\n\n${code.repeat(3)}`;
    const blob = await blobs.put(new TextEncoder().encode(markdown));
    const { output } = await executeTree(builtinWorkers, "document", { blob, name: "a.md" }, { blobs });
    const { sentiment, topics } = output as DocumentReport;
    expect(sentiment.label).toBe("positive");
    expect(topics.join(" ")).not.toMatch(/terrible|const|kill/);
  });
});

describe("data files", () => {
  const report = async (name: string, text: string) => {
    const blobs = memoryBlobs();
    const blob = await blobs.put(new TextEncoder().encode(text));
    return (await executeTree(builtinWorkers, "document", { blob, name }, { blobs })).output as DocumentReport;
  };

  it("csv is read with its quotes undone", async () => {
    const { summary, sentiment } = await report("ports.csv", 'port;"ships, all"\n"Bre""men";12\n"Ki\nel";7\nOslo;31\n');
    expect(summary).toBe('A table of 3 rows and 2 columns. port: Bre"men, Ki el, Oslo. ships, all: 7 to 31.');
    expect(sentiment.by).toBe("none");
  });

  it("json is read as the tables and the text that it holds", async () => {
    const ports = [
      ["Bremen", 12],
      ["Kiel", 7],
      ["Oslo", 31],
    ].map(([port, ships]) => ({ port, ships }));
    expect((await report("ports.json", JSON.stringify(ports))).summary).toContain(
      "A table of 3 rows and 2 columns. port: Bremen",
    );
    const { summary, language } = await report("letter.json", JSON.stringify({ id: 7, body: ENGLISH.repeat(3) }));
    expect(summary).toContain("The harbour of the town");
    expect(language.code).toBe("en");
  });
});
