import { zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { readText } from "../../support/read-text.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main";
const MC = "http://schemas.openxmlformats.org/markup-compatibility/2006";
const OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

const part = (root: string, content: string) =>
  utf8(`<w:${root} xmlns:w="${W}" xmlns:mc="${MC}">${content}</w:${root}>`);
const relationships = (targets: Readonly<Record<string, string>>) =>
  utf8(
    `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">${Object.entries(targets)
      .map(([kind, target]) => `<Relationship Id="r-${kind}" Type="${OFFICE}/${kind}" Target="${target}"/>`)
      .join("")}</Relationships>`,
  );

/** A Word file of this body, and of other parts by the kind of their relationship. */
function wordFile(body: string, parts: Readonly<Record<string, Uint8Array>> = {}): Uint8Array {
  const named = Object.fromEntries(Object.entries(parts).map(([kind, content]) => [`word/${kind}.xml`, content]));
  return zipSync({
    "[Content_Types].xml": utf8("<Types/>"),
    "_rels/.rels": relationships({ officeDocument: "word/document.xml" }),
    "word/_rels/document.xml.rels": relationships(
      Object.fromEntries(Object.keys(parts).map((kind) => [kind, `${kind}.xml`])),
    ),
    "word/document.xml": part("document", `<w:body>${body}</w:body>`),
    ...named,
  });
}

const read = (file: Uint8Array) => readText("a.docx", file);
const run = (text: string) => `<w:r><w:t xml:space="preserve">${text}</w:t></w:r>`;
const p = (text: string, properties = "") => `<w:p><w:pPr>${properties}</w:pPr>${run(text)}</w:p>`;
const item = (text: string, list: number, level = 0) =>
  p(text, `<w:numPr><w:ilvl w:val="${level}"/><w:numId w:val="${list}"/></w:numPr>`);

describe("revisions of a Word file are read in their final view", () => {
  it("keeps what was inserted and drops what was deleted, and what the properties were before", async () => {
    const change = `<w:pPrChange><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr></w:pPrChange>`;
    const body = `<w:p><w:pPr>${change}</w:pPr>${run("The ")}<w:del><w:r><w:delText>old</w:delText></w:r></w:del><w:ins>${run("new")}</w:ins>${run(" quay")}</w:p>`;
    expect(await read(wordFile(body))).toBe("The new quay");
  });

  it("shows what was moved once, where it went", async () => {
    const moved = run("Moved.");
    const body = `<w:p><w:pPr><w:rPr><w:moveFrom/></w:rPr></w:pPr><w:moveFrom>${moved}</w:moveFrom></w:p>${p("Stays.")}<w:p><w:moveTo>${moved}</w:moveTo></w:p>`;
    expect(await read(wordFile(body))).toBe("Stays.\n\nMoved.");
  });

  it("joins paragraphs whose mark was deleted, and leaves out deleted rows", async () => {
    const cell = (text: string) => `<w:tc>${p(text)}</w:tc>`;
    const row = (cells: string[], properties = "") =>
      `<w:tr><w:trPr>${properties}</w:trPr>${cells.map(cell).join("")}</w:tr>`;
    const table = `<w:tbl>${row(["Port", "Ships"])}${row(["Gone", "0"], "<w:del/>")}${row(["Bremen", "12"])}</w:tbl>`;
    const body = `${p("One ", "<w:rPr><w:del/></w:rPr>")}${p("sentence.")}${table}`;
    expect(await read(wordFile(body))).toBe("One sentence.\n\nPort\tShips\nBremen\t12");
  });
});

describe("a Word file", () => {
  it("is found by its relationships, in namespaces and encodings of its own", async () => {
    const strict = "http://purl.oclc.org/ooxml/wordprocessingml/main";
    const xml = `<?xml version="1.0" encoding="UTF-16"?><x:document xmlns:x="${strict}" xmlns:w="urn:other"><x:body><x:p><w:t>not Word's</w:t><x:r><x:t>Grüße &amp; 図書館</x:t></x:r></x:p></x:body></x:document>`;
    const file = zipSync({
      "[Content_Types].xml": utf8("<Types/>"),
      "_rels/.rels": relationships({ officeDocument: "/content/main.xml" }),
      "word/document.xml": part("document", p("a decoy")),
      "content/main.xml": Uint8Array.of(0xff, 0xfe, ...Buffer.from(xml, "utf16le")),
    });
    expect(await read(file)).toBe("Grüße & 図書館");
  });

  it("keeps CDATA, and tags that HTML would treat otherwise", async () => {
    expect(
      await read(
        wordFile(`<w:p><w:r><w:t><![CDATA[a < b]]></w:t></w:r></w:p><title/><w:p><w:r><w:t/></w:r></w:p>${p("after")}`),
      ),
    ).toBe("a < b\n\nafter");
  });

  it("ends with its footnotes, endnotes and comments, as far as the text refers to them", async () => {
    const note = (name: string, id: number, text: string, type = "") =>
      `<w:${name} w:id="${id}" ${type}>${p(text)}</w:${name}>`;
    const file = wordFile(
      `<w:p>${run("Text")}<w:r><w:footnoteReference w:id="2"/></w:r><w:r><w:endnoteReference w:id="1"/></w:r><w:r><w:commentReference w:id="0"/></w:r><w:del><w:r><w:footnoteReference w:id="3"/></w:r></w:del></w:p>`,
      {
        footnotes: part(
          "footnotes",
          note("footnote", 0, "rule", 'w:type="separator"') +
            note("footnote", 2, "Below.") +
            note("footnote", 3, "Deleted."),
        ),
        endnotes: part("endnotes", note("endnote", 1, "At the end.")),
        comments: part("comments", note("comment", 0, "Really?")),
      },
    );
    expect(await read(file)).toBe("Text\n\nBelow.\n\nAt the end.\n\nReally?");
  });

  it("joins a drop cap to its word", async () => {
    expect(await read(wordFile(p("O", `<w:framePr w:dropCap="drop"/>`) + p("nce upon a time.")))).toBe(
      "Once upon a time.",
    );
  });

  it("shows a text box once, after the paragraph that it stands in", async () => {
    const box = `<w:txbxContent>${p("In the box.")}</w:txbxContent>`;
    const both = `<mc:AlternateContent><mc:Choice>${box}</mc:Choice><mc:Fallback>${box}</mc:Fallback></mc:AlternateContent>`;
    const older = `<mc:AlternateContent><mc:Choice/><mc:Fallback>${box}</mc:Fallback></mc:AlternateContent>`;
    expect(await read(wordFile(`<w:p>${run("Be")}<w:r>${both}</w:r>${run("fore.")}</w:p>`))).toBe(
      "Before.\n\nIn the box.",
    );
    expect(await read(wordFile(`<w:p>${run("Before.")}<w:r>${older}</w:r></w:p>`))).toBe("Before.\n\nIn the box.");
  });

  it("keeps the numbers of lists", async () => {
    const level = (at: number, format: string, text: string, start = 1) =>
      `<w:lvl w:ilvl="${at}"><w:start w:val="${start}"/><w:numFmt w:val="${format}"/><w:lvlText w:val="${text}"/></w:lvl>`;
    const numbering = part(
      "numbering",
      `<w:abstractNum w:abstractNumId="0">${level(0, "decimal", "%1.")}${level(1, "lowerLetter", "%1.%2)")}</w:abstractNum>
       <w:abstractNum w:abstractNumId="1">${level(0, "bullet", "•")}</w:abstractNum>
       <w:abstractNum w:abstractNumId="2">${level(0, "upperRoman", "%1.", 4)}</w:abstractNum>
       <w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>
       <w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num>
       <w:num w:numId="3"><w:abstractNumId w:val="2"/></w:num>
       <w:num w:numId="4"><w:abstractNumId w:val="0"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="7"/></w:lvlOverride></w:num>`,
    );
    const styles = part(
      "styles",
      `<w:style w:styleId="Base"><w:pPr><w:numPr><w:numId w:val="3"/></w:numPr></w:pPr></w:style><w:style w:styleId="Chapter"><w:basedOn w:val="Base"/></w:style>`,
    );
    const body = [
      item("one", 1),
      item("under", 1, 1),
      item("under too", 1, 1),
      item("two", 1),
      item("dot", 2),
      item("seven", 4),
      p("chapter", `<w:pStyle w:val="Chapter"/>`),
      p("plain"),
    ];
    expect((await read(wordFile(body.join(""), { numbering, styles }))).split("\n\n")).toEqual([
      "1. one",
      "1.a) under",
      "1.b) under too",
      "2. two",
      "- dot",
      "7. seven",
      "IV. chapter",
      "plain",
    ]);
  });

  it("is refused for markup that takes the parser more than linear time", async () => {
    const deep = `${"<w:a>".repeat(900)}${"</w:b>".repeat(100_000)}`;
    await expect(read(wordFile(deep))).rejects.toThrow(/a\.docx: found a broken docx \(/);
    await expect(read(wordFile("<w:a>".repeat(50_000)))).rejects.toThrow(/nested more than 1000 deep/);
  });
});
