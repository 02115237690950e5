import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { builtinWorkers } from "../../src/builtins/builtin.ts";
import { documentWorker } from "../../src/builtins/document.ts";
import { type DocumentReport, type DocumentReports, isReport } from "../../src/builtins/document-report.ts";
import { PlanOf } from "../../src/define/plan-of.ts";
import { dependenciesIn, execute, executeTree, memoryBlobs } from "../support/handler-context.ts";

const files = fileURLToPath(new URL("../../examples/documents", import.meta.url));

const SAMPLES: Readonly<Record<string, { language: string; label: string; topic: RegExp; summary: RegExp }>> = {
  "brueckensperrung.md": { language: "de", label: "negative", topic: /^Kettenbrücke|Brücke$/, summary: /Brücke/ },
  "embalse-seco.html": { language: "es", label: "negative", topic: /^embalse$/, summary: /embalse/ },
  "harbour-festival.txt": { language: "en", label: "positive", topic: /^lantern festival$/, summary: /festival/ },
  "lettre-de-reclamation.docx": { language: "fr", label: "negative", topic: /^chaudière$/, summary: /chaudière/ },
  "marche-couvert.html": { language: "fr", label: "positive", topic: /^marché couvert$/, summary: /marché/ },
  "museum-der-uhren.pdf": { language: "de", label: "positive", topic: /^Uhren?$/, summary: /Uhr/ },
  "seed-library-notes.md": { language: "en", label: "neutral", topic: /packet/, summary: /seed/ },
  "soil-survey-method.docx": { language: "en", label: "neutral", topic: /^meadows?$/, summary: /soil|core/ },
  "toshokan.txt": { language: "ja", label: "positive", topic: /^図書館$/, summary: /図書館/ },
  "valley-railway-report.pdf": { language: "en", label: "neutral", topic: /^Valley Railway$/, summary: /Railway/ },
};

describe("document", () => {
  it("plans extraction, four analyses side by side, and the report of all", async () => {
    const returned = await execute(documentWorker, { text: "Hello there." });
    if (!(returned instanceof PlanOf)) throw new Error("expected a plan");
    const analyses = ["detect-language", "summarize", "extract-topics", "analyze-sentiment"];
    const waits = dependenciesIn(returned.wire);
    expect([...waits.keys()]).toEqual(["extract", ...analyses, "format-report"]);
    expect(waits.get("extract")).toEqual(new Set());
    for (const key of analyses) expect(waits.get(key)).toEqual(new Set(["extract"]));
    expect(waits.get("format-report")).toEqual(new Set(["extract", ...analyses]));
    expect(returned.wire.output).toBe("format-report");
  });

  it("passes a text that looks like a reference on as it is", async () => {
    const text = '{"$ref": "extract#/text"} is how a reference looks on the wire.';
    const { tasks } = await executeTree(builtinWorkers, "document", { text });
    expect(tasks.find((one) => one.type === "extract")?.output).toMatchObject({ text });
  });

  it("has an expectation for every sample document", () => {
    expect(readdirSync(files).sort()).toEqual(Object.keys(SAMPLES).sort());
  });

  it.each(Object.entries(SAMPLES))("reports on %s", async (file, expected) => {
    const { output } = await executeTree(builtinWorkers, "document", { file }, { files });
    const report = output as unknown as DocumentReport;
    expect(report.name).toBe(file);
    expect(report.language.code).toBe(expected.language);
    expect(report.language.confidence).toBeGreaterThan(0.9);
    expect(report.sentiment.label).toBe(expected.label);
    expect(report.topics.join("\n")).toMatch(new RegExp(expected.topic.source, "m"));
    expect(report.summary).toMatch(expected.summary);
    expect(report.summary.length).toBeLessThan(report.statistics.characters / 2);
    expect(report.statistics.words).toBeGreaterThan(200);
    expect(report.report).toContain("Summary, topics and sentiment: local language libraries.");
    expect(report.report).not.toMatch(/undefined|null|NaN|\[object/);
  });

  it("gives each of several documents a sub-plan of its own, and an overall summary", async () => {
    const blobs = memoryBlobs();
    const blob = await blobs.put(new TextEncoder().encode("# Bonjour\n\nLe train est parti à neuf heures du matin."));
    const documents = [
      { text: "The garden was lovely and everybody was happy." },
      { file: "toshokan.txt" },
      { blob, name: "a/b/gare.md" },
    ];
    const { output, tasks } = await executeTree(builtinWorkers, "document", { documents }, { files, blobs });
    const reports = output as unknown as DocumentReports;
    expect(reports.documents.map((one) => one.name)).toEqual([null, "toshokan.txt", "gare.md"]);
    expect(reports.documents.filter(isReport).map((one) => one.language.code)).toEqual(["en", "ja", "fr"]);
    expect(reports.summary).toMatch(/^3 documents/);
    for (const one of reports.documents.filter(isReport)) expect(reports.report).toContain(one.topics[0]);
    expect(tasks.filter((one) => one.type === "document").map((one) => one.task)).toEqual([
      "-",
      "document-1",
      "document-2",
      "document-3",
    ]);
    expect(tasks.map((one) => one.task)).toContain("document-2/extract-topics");
  });

  describe("of which some cannot be read", () => {
    const documents = [
      { file: "toshokan.txt" },
      { text: "%PDF-1.4 is how a file begins that is none.", name: "fine.pdf" },
      { file: "gone.txt" },
      { text: " ", name: "blank.md" },
    ];

    it("reports on the others, and says of each of those why", async () => {
      const { output } = await executeTree(builtinWorkers, "document", { documents }, { files });
      const { documents: outcomes, summary, report } = output as unknown as DocumentReports;
      expect(outcomes.map(isReport)).toEqual([true, true, false, false]);
      expect(outcomes[2]).toEqual({ name: "gone.txt", error: { message: expect.stringMatching(/^file gone\.txt: /) } });
      expect(outcomes[3]).toEqual({
        name: "blank.md",
        error: { message: expect.stringContaining("nothing but blanks") },
      });
      expect(summary).toMatch(/^2 documents, .*\n.*\nNot read: file gone\.txt: .*\nNot read: text of blank\.md: /s);
      expect(report).toMatch(/^\| gone\.txt \| not read \|/m);
      expect(report).toMatch(/^## blank\.md\n\nNot read: text of blank\.md/m);
    });

    it("fails where that is asked for, for all or for one", async () => {
      const strict = { documents, ifUnreadable: "fail" };
      await expect(executeTree(builtinWorkers, "document", strict, { files })).rejects.toThrow("file gone.txt");
      const oneStrict = { documents: [documents[0], { file: "gone.txt", ifUnreadable: "fail" }] };
      await expect(executeTree(builtinWorkers, "document", oneStrict, { files })).rejects.toThrow("file gone.txt");
    });

    it("fails where none can be read, and where the only one cannot", async () => {
      const none = { documents: documents.slice(2) };
      await expect(executeTree(builtinWorkers, "document", none, { files })).rejects.toThrow(
        /none of 2 documents can be read: file gone\.txt: .* \| text of blank\.md/,
      );
      await expect(executeTree(builtinWorkers, "document", documents[2], { files })).rejects.toThrow("file gone.txt");
    });

    it("fails on what a second attempt may mend, so that there is one", async () => {
      const blobs = { put: async () => "ref", get: async () => Promise.reject(new Error("the store is away")) };
      const away = { documents: [{ blob: "ref", name: "a.txt" }] };
      await expect(executeTree(builtinWorkers, "document", away, { blobs })).rejects.toThrow("the store is away");
    });
  });

  it.each([
    [{}, /exactly one of text, file, blob, documents; received \{\}/],
    [{ text: "a", file: "b.txt" }, /received text and file/],
    [{ text: 5 }, /expected string/],
    [{ blob: "abc" }, /the file's name beside blob/],
    [{ documents: [] }, /documents/],
    [{ documents: [{ text: "a" }, { documents: [{ text: "b" }] }] }, /exactly one of text, file, blob/],
    [{ text: "a", colour: "red" }, /colour/],
  ])("refuses %j and says why", (input, message) => {
    const parsed = documentWorker.input.safeParse(input);
    expect(parsed.error?.message).toMatch(message);
  });
});
