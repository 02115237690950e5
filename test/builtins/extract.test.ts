import { readFileSync } from "node:fs";
import { zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { extractWorker } from "../../src/builtins/extract.ts";
import { executeValue, memoryBlobs } from "../support/handler-context.ts";

const sample = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../../examples/documents/${name}`, import.meta.url)));
const utf8 = (text: string) => new TextEncoder().encode(text);
const latin1 = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

/** A zip archive that passes for a Word file, of one part. */
const wordFile = (xml: string) =>
  zipSync({ "[Content_Types].xml": utf8("<Types/>"), "word/document.xml": utf8(xml) }, { level: 9 });

/** The archive with a size of 1,000 bytes unpacked stated for its last part, in both its headers. */
function understate(archive: Uint8Array): Uint8Array {
  const lying = Buffer.from(archive);
  const local = lying.indexOf("word/document.xml") - 30;
  const central = lying.lastIndexOf("word/document.xml") - 46;
  lying.writeUInt32LE(1_000, local + 22);
  lying.writeUInt32LE(1_000, central + 24);
  return lying;
}

/** Counts the turns of the event loop from now on; the answer stops it. */
function countTurns(): () => number {
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  return () => {
    clearInterval(timer);
    return turns;
  };
}

interface Extracted {
  readonly text: string;
  readonly name: string | null;
  readonly format: string;
  readonly statistics: { readonly characters: number; readonly words: number; readonly sentences: number };
}

async function extract(name: string, content: Uint8Array): Promise<Extracted> {
  const blobs = memoryBlobs();
  return executeValue<Extracted>(extractWorker, { blob: await blobs.put(content), name }, { blobs });
}

describe("extract", () => {
  it.each([
    ["UTF-8", utf8("Größe, œuvre, 図書館")],
    ["UTF-8 with a byte order mark", Uint8Array.of(0xef, 0xbb, 0xbf, ...utf8("Größe, œuvre, 図書館"))],
    [
      "UTF-16 with a byte order mark",
      Uint8Array.of(0xff, 0xfe, ...new Uint8Array(Buffer.from("Größe, œuvre, 図書館", "utf16le"))),
    ],
  ])("decodes %s", async (_, bytes) => {
    expect((await extract("a.txt", bytes)).text).toBe("Größe, œuvre, 図書館");
  });

  it("decodes UTF-16 without a mark, and Latin-1", async () => {
    expect((await extract("a.txt", new Uint8Array(Buffer.from("A plain letter", "utf16le")))).text).toBe(
      "A plain letter",
    );
    expect((await extract("a.txt", latin1("Les élèves sont arrivés à l'école très tôt, même en été."))).text).toContain(
      "arrivés à l'école très tôt",
    );
  });

  const utf32 = (text: string, littleEndian: boolean) => {
    const view = new DataView(new ArrayBuffer(4 * [...text].length));
    for (const [i, character] of [...text].entries()) view.setUint32(4 * i, character.codePointAt(0)!, littleEndian);
    return new Uint8Array(view.buffer);
  };

  it.each([true, false])("decodes UTF-32 with and without a mark (little-endian: %s)", async (littleEndian) => {
    const text = "Größe, 図書館 𝄞";
    expect((await extract("a.txt", utf32(`\ufeff${text}`, littleEndian))).text).toBe(text);
    expect((await extract("a.txt", utf32(text, littleEndian))).text).toBe(text);
  });

  it("decodes ISO-2022-JP, whose bytes are all ASCII", async () => {
    const bytes = new Uint8Array(Buffer.from("1b2442467c4b5c386c1b2842", "hex"));
    expect((await extract("a.txt", bytes)).text).toBe("日本語");
  });

  // Bytes as iconv writes them: Node encodes none of these.
  it.each([
    [
      "windows-1251",
      "cef2f7b8f220ee20f0e0e1eef2e520eaeeece8f2e5f2e020e7e020e3eee42e",
      "Отчёт о работе комитета за год.",
    ],
    ["Shift JIS", "8da193fa82cd93568b4382aa82c682c482e097c782a282c582b78142", "今日は天気がとても良いです。"],
    ["windows-1252, of one word", "4772f6df65", "Größe"],
  ])("decodes a line in %s", async (_, bytes, text) => {
    expect((await extract("a.txt", new Uint8Array(Buffer.from(bytes, "hex")))).text).toBe(text);
  });

  it("counts code points, words and sentences", async () => {
    const { statistics } = await executeValue<Extracted>(extractWorker, { text: "Dr. Lee met Ann 😀. They left!" });
    expect(statistics).toEqual({ characters: 29, words: 6, sentences: 2 });
  });

  it("reads Markdown without its marks", async () => {
    const { text } = await extract(
      "a.md",
      utf8("---\nx: 1\n---\n# Ti*t*le\n\nSome **bold** [link](http://x.y) &amp; `code`.\n\n- one\n- two\n"),
    );
    expect(text).toBe("Title\n\nSome bold link & code.\n\n- one\n- two");
  });

  it("reads HTML without scripts, styles and navigation", async () => {
    const html =
      "<title>T</title><style>p{}</style><nav>Home<nav>x</nav></nav><h1>Caf&eacute;</h1><script>var a='<p>';</script><p>One<br>two &lt; three</p>";
    const { text, format } = await extract("page.htm", utf8(html));
    expect({ text, format }).toEqual({ text: "Café\n\nOne\ntwo < three", format: "html" });
  });

  it("goes by content where the name says nothing", async () => {
    expect((await extract("report", sample("museum-der-uhren.pdf"))).format).toBe("pdf");
    expect((await extract("report", sample("soil-survey-method.docx"))).format).toBe("docx");
    expect((await extract("page", utf8("<!DOCTYPE html><p>Hi</p>"))).format).toBe("html");
    expect((await extract("BM.txt", utf8("BMW builds cars."))).format).toBe("txt");
  });

  it("reads both pages of a PDF, with paragraphs and unbroken words", async () => {
    const { text } = await extract("r.pdf", sample("valley-railway-report.pdf"));
    expect(text).toMatch(/^The Valley Railway: Report on the Third Year\n\n/);
    expect(text).toMatch(/a century after the last one\s+left\.$/);
  });

  it("reads tables of a Word file", async () => {
    expect((await extract("a.docx", sample("lettre-de-reclamation.docx"))).text).toContain("Devis du parquet");
  });

  it("refuses a Word file that unpacks to more than it may, or than it says", async () => {
    const bomb = wordFile(`<w:p><w:t>${"A".repeat(40 * 2 ** 20)}</w:t></w:p>`);
    expect(bomb.length).toBeLessThan(100_000);
    await expect(extract("bomb.docx", bomb)).rejects.toThrow(/bomb\.docx: found a docx of 40 MiB unpacked, over the/);
    await expect(extract("bomb.docx", understate(bomb))).rejects.toThrow(/bomb\.docx: found a broken docx/);
  });

  it("reads 120,000 elements of a Word file within seconds, and leaves the event loop free", async () => {
    const xml = `<w:body>${"<w:p><w:r><w:t>a</w:t></w:r></w:p>".repeat(40_000)}</w:body>`;
    const turns = countTurns();
    const { statistics } = await extract("dense.docx", wordFile(xml));
    expect(statistics.words).toBe(40_000);
    expect(turns()).toBeGreaterThan(10);
  });

  it.each([
    ["empty.txt", utf8(""), /empty\.txt: the file is empty/],
    ["blank.txt", utf8(" \n\t "), /blank\.txt: found a txt file without any text/],
    [
      "photo.txt",
      Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 73, 72, 68, 82, 0, 0),
      /photo\.txt: found png \(image\/.*png\); expected one of txt, md, html, pdf, docx/,
    ],
    ["note.rtf", utf8("{\\rtf1 hello}"), /note\.rtf: found rich text/],
    ["fake.pdf", utf8("I am no PDF"), /fake\.pdf: found no pdf in it/],
    ["cut.pdf", sample("valley-railway-report.pdf").slice(0, 90), /cut\.pdf: found a (broken )?pdf/],
    ["cut.docx", sample("soil-survey-method.docx").slice(0, 4000), /cut\.docx: found a broken docx/],
    ["sheet.docx", zipSync({ "xl/workbook.xml": utf8("<x/>") }), /sheet\.docx: found .*(zip archive without|xlsx)/],
  ])("fails for good on %s", async (name, bytes, message) => {
    await expect(extract(name, bytes)).rejects.toMatchObject({
      name: "TerminalError",
      message: expect.stringMatching(message),
    });
  });

  it("fails for good on a blank text", async () => {
    await expect(executeValue(extractWorker, { text: " \n " })).rejects.toMatchObject({ name: "TerminalError" });
  });

  it("either reads or refuses damaged files, and never anything else", async () => {
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    const outcomes = new Set<string>();
    for (const name of [
      "valley-railway-report.pdf",
      "lettre-de-reclamation.docx",
      "marche-couvert.html",
      "brueckensperrung.md",
    ])
      for (let round = 0; round < 25; round++) {
        const whole = sample(name);
        const damaged = round % 2 ? whole.slice(0, random(whole.length)) : whole;
        for (let i = 0; i < round && damaged.length > 0; i++) damaged[random(damaged.length)] = random(256);
        outcomes.add(
          await extract(name, damaged).then(
            () => "read",
            (error: Error) => error.name,
          ),
        );
      }
    expect(outcomes).toEqual(new Set(["read", "TerminalError"]));
  });
});
