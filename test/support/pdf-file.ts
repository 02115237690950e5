/** The objects that a page of a test's PDF has besides its content. */
export interface PdfParts {
  /** Operators of the page: `BT /F1 12 Tf 50 700 Td (text) Tj ET`. F1 is Helvetica. */
  readonly content?: string;
  /** Dictionaries of the page's annotations. */
  readonly annotations?: readonly string[];
  /** What stands in the catalog besides the pages. */
  readonly catalog?: string;
  /** Further objects, from number 6 on. */
  readonly objects?: readonly string[];
}

/** A PDF of one page. Readers find its objects without a table of them. */
export function pdfFile({ content = "", annotations = [], catalog = "", objects = [] }: PdfParts): Uint8Array {
  const all = [
    `<</Type/Catalog/Pages 2 0 R ${catalog}>>`,
    "<</Type/Pages/Kids[3 0 R]/Count 1>>",
    `<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>/Annots[${annotations.join(" ")}]>>`,
    streamOf(content),
    "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ...objects,
  ];
  const numbered = all.map((object, i) => `${i + 1} 0 obj\n${object}\nendobj\n`);
  return Buffer.from(`%PDF-1.7\n${numbered.join("")}trailer<</Size ${all.length + 1}/Root 1 0 R>>`, "latin1");
}

/** The object of a stream. */
export const streamOf = (content: string, dictionary = ""): string =>
  `<<${dictionary}/Length ${content.length}>>stream\n${content}\nendstream`;
