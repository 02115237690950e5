import { readFileSync } from "node:fs";
import { zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { extractWorker } from "../../src/workers/extract.ts";
import { executeValue, memoryBlobs } from "../support/handler-context.ts";

const sample = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../../examples/documents/${name}`, import.meta.url)));
const utf8 = (text: string) => new TextEncoder().encode(text);
const latin1 = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

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
