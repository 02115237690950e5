import { describe, expect, it } from "vitest";
import { z } from "zod";
import { builtinWorkers } from "../../../src/builtins/builtin.ts";
import { document } from "../../../src/builtins/document.ts";
import type { DocumentReport } from "../../../src/builtins/document-report.ts";
import { task } from "../../../src/define/task.ts";
import { worker } from "../../../src/define/worker.ts";
import { tutti } from "../../../src/index.ts";
import { pdfFile, streamOf } from "../../support/pdf-file.ts";
import { readText } from "../../support/read-text.ts";

const read = (...parts: Parameters<typeof pdfFile>) => readText("a.pdf", pdfFile(...parts));
const line = (text: string, y = 700) => `BT /F1 12 Tf 50 ${y} Td (${text}) Tj ET `;
const field = (rect: string, entries: string) => `<</Type/Annot/Subtype/Widget/Rect[${rect}]/F 4 ${entries}>>`;

describe("the text of a PDF", () => {
  it("holds what was written into a form, beside its labels", async () => {
    const content = line("Name:") + line("Port:", 650) + line("Signed.", 600);
    const annotations = [
      field("100 695 300 712", "/FT/Tx/T(name)/V(Ada Lovelace)"),
      field("100 645 300 662", "/FT/Ch/Ff 131072/T(port)/Opt[[(b) (Bremen)] [(h) (Hamburg)]]/V(h)"),
      field("300 645 400 662", "/FT/Tx/T(code)/Ff 8192/V(secret)"),
      `<</Type/Annot/Subtype/Widget/Rect[100 595 300 612]/F 2/FT/Tx/T(hidden)/V(hidden)>>`,
    ];
    const text = await read({ content, annotations, catalog: "/AcroForm<</Fields[]>>" });
    expect(text.split(/\n+/)).toEqual(["Name: Ada Lovelace", "Port: Hamburg", "Signed."]);
  });

  it("is what its form holds, where there is nothing else", async () => {
    const annotations = [field("100 695 300 712", "/FT/Tx/T(name)/V(Ada Lovelace)")];
    expect(await read({ annotations, catalog: "/AcroForm<</Fields[]>>" })).toBe("Ada Lovelace");
  });

  it("holds what a field shows, where it has no value", async () => {
    const shown = streamOf(
      "/Tx BMC BT /F1 12 Tf 2 4 Td (shown) Tj ET EMC",
      "/Type/XObject/Subtype/Form/BBox[0 0 200 20]/Resources<</Font<</F1 5 0 R>>>>",
    );
    const annotations = [field("100 695 300 712", "/FT/Tx/T(name)/AP<</N 6 0 R>>")];
    expect(await read({ annotations, objects: [shown], catalog: "/AcroForm<</Fields[]>>" })).toBe("shown");
  });

  it("holds comments and text that was put on the page", async () => {
    const annotations = [
      "<</Type/Annot/Subtype/Text/Rect[10 10 30 30]/Contents(Is that so?)>>",
      "<</Type/Annot/Subtype/FreeText/Rect[100 690 300 712]/DA(/F1 12 Tf)/Contents(Approved)>>",
      "<</Type/Annot/Subtype/Link/Rect[10 10 30 30]/Contents(a link)/A<</S/URI/URI(https://a.example)>>>>",
    ];
    expect(await read({ content: line("Report"), annotations })).toBe("Report Approved\n\nIs that so?");
  });

  it("is that of an XFA form", async () => {
    const template = `<xdp:xdp xmlns:xdp="http://ns.adobe.com/xdp/"><template xmlns="http://www.xfa.org/schema/xfa-template/3.3/"><subform name="form" layout="tb"><pageSet><pageArea><contentArea w="500pt" h="700pt"/><medium short="600pt" long="800pt"/></pageArea></pageSet><draw w="200pt" h="20pt"><value><text>Your name</text></value></draw><field name="name" w="200pt" h="20pt"><ui><textEdit/></ui></field></subform></template><xfa:datasets xmlns:xfa="http://www.xfa.org/schema/xfa-data/1.0/"><xfa:data><form><name>Ada Lovelace</name></form></xfa:data></xfa:datasets></xdp:xdp>`;
    const text = await read({
      content: line("Please wait..."),
      catalog: "/NeedsRendering true/AcroForm<</Fields[]/XFA 6 0 R>>",
      objects: [streamOf(template)],
    });
    expect(text.split(/\n+/)).toEqual(["Your name", "Ada Lovelace"]);
  });

  it("has no blanks between letters that are only set wide", async () => {
    const wide = "[(P) -120 (ro) -110 (p) -150 (e) -105 (rty management of) -150 (the town)] TJ";
    const close = "[(The) -330 (art) -280 (of) -330 (it)] TJ";
    const content = `BT /F1 12 Tf 50 700 Td ${wide} ET BT /F1 12 Tf 50 650 Td ${close} ET`;
    expect(await read({ content })).toBe("Property management of the town\n\nThe art of it");
  });

  it("has a tab for the dots of a table of contents", async () => {
    const content = line("2.1 Methods . . . . . . . . . 12") + line("2.2 Results......................13", 686);
    expect(await read({ content })).toBe("2.1 Methods\t12\n2.2 Results\t13");
  });

  it("comes once where a program prints it twice in the same place", async () => {
    expect(await read({ content: line("Bold title") + line("Bold title") + line("Text", 650) })).toBe(
      "Bold title\n\nText",
    );
  });

  it("is read through the character maps of East Asia", async () => {
    const font = "<</Type/Font/Subtype/Type0/BaseFont/Ryumin-Light/Encoding/90ms-RKSJ-H/DescendantFonts[7 0 R]>>";
    const descendant =
      "<</Type/Font/Subtype/CIDFontType0/BaseFont/Ryumin-Light/CIDSystemInfo<</Registry(Adobe)/Ordering(Japan1)/Supplement 2>>/DW 1000/FontDescriptor 8 0 R>>";
    const descriptor =
      "<</Type/FontDescriptor/FontName/Ryumin-Light/Flags 4/FontBBox[0 0 1000 1000]/ItalicAngle 0/Ascent 800/Descent -200/StemV 80>>";
    // Shift JIS for 日本語.
    const file = Buffer.from(
      pdfFile({ content: "BT /F2 12 Tf 50 700 Td <93fa967b8cea> Tj ET", objects: [font, descendant, descriptor] }),
    );
    const named = Buffer.from(file.toString("latin1").replace("/F1 5 0 R", "/F2 6 0 R"), "latin1");
    expect(await readText("a.pdf", named)).toBe("日本語");
  });
});

describe("a PDF of pictures", () => {
  const scan = pdfFile({});

  it("is refused with the way to have its text recognized", async () => {
    await using app = await tutti({ workers: [...builtinWorkers] });
    const { error } = (await app
      .run(document, { documents: [{ blob: await app.putBlob(scan), name: "scan.pdf" }] })
      .catch((error) => ({ error }))) as { error: Error };
    expect(error.message).toMatch(/scan\.pdf: found a pdf of 1 page\(s\) without any text.*"recognize"/);
    expect(error.message).not.toContain("expected one of");
  });

  it("is recognized by a task type of the user's", async () => {
    const ocr = worker(
      task("ocr", {
        input: z.object({ name: z.string(), pages: z.number(), blob: z.string() }),
        output: z.object({ text: z.string() }),
      }),
      ({ input }) => ({ text: `The orchestra plays: ${input.pages} page of ${input.name}.` }),
    );
    await using app = await tutti({ workers: [...builtinWorkers, ocr] });
    const report = (await app.run(document, {
      blob: await app.putBlob(scan),
      name: "scan.pdf",
      recognize: "ocr",
    })) as DocumentReport;
    expect(report).toMatchObject({ name: "scan.pdf", summary: "The orchestra plays: 1 page of scan.pdf." });
  });
});
