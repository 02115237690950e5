import { getDocumentProxy } from "unpdf";

/** A run of glyphs as pdf.js reports it: its text, whether a line ends after it, and where it stands on the page. */
interface TextItem {
  readonly str: string;
  readonly hasEOL: boolean;
  /** Affine matrix; the last two are x and y. */
  readonly transform: readonly number[];
  readonly height: number;
}

/** A wider gap between two lines than this many times their height separates paragraphs. */
const PARAGRAPH_GAP = 1.75;
/** pdf.js prints warnings to the console otherwise. */
const ERRORS_ONLY = 0;

/**
 * The text of a PDF, pages in order, paragraphs told apart by the space between lines. Rejects with pdf.js's own errors
 * for a file that is broken or protected by a password.
 */
export async function readPages(bytes: Uint8Array): Promise<{ text: string; pages: number }> {
  const pdf = await getDocumentProxy(bytes, { verbosity: ERRORS_ONLY, stopAtErrors: false, isEvalSupported: false });
  try {
    const pages: string[] = [];
    for (let number = 1; number <= pdf.numPages; number++) {
      const page = await pdf.getPage(number);
      const { items } = await page.getTextContent();
      pages.push(textOf(items.filter((item) => "str" in item)));
      page.cleanup();
    }
    return { text: joinPages(pages), pages: pages.length };
  } finally {
    await pdf.destroy().catch(() => undefined);
  }
}

function textOf(items: readonly TextItem[]): string {
  let text = "";
  let lineY: number | undefined;
  let lineHeight = 0;
  for (const { str, hasEOL, transform, height } of items) {
    const y = transform[5] ?? 0;
    if (str.trim() !== "") {
      const gap = lineY === undefined ? 0 : Math.abs(lineY - y);
      if (text.endsWith("\n") && gap > PARAGRAPH_GAP * Math.max(lineHeight, height)) text += "\n";
      lineY = y;
      lineHeight = height || lineHeight;
    }
    text += str;
    if (hasEOL && text !== "" && !text.endsWith("\n\n")) text += "\n";
  }
  return joinHyphenated(text);
}

/** `exam-⏎ple` → `example`; `Post-⏎Office` stays. */
const joinHyphenated = (text: string): string => text.replace(/(\p{Ll})[-\u00ad]\n(?=\p{Ll})/gu, "$1");

/** A sentence may go on across a page; whatever ends one begins a new paragraph. */
function joinPages(pages: readonly string[]): string {
  let text = "";
  for (const page of pages.map((one) => one.trim()).filter(Boolean)) {
    const goesOn = /[\p{L}\p{N},;]$/u.test(text) && /^\p{Ll}/u.test(page);
    text += `${text === "" ? "" : goesOn ? "\n" : "\n\n"}${page}`;
  }
  return text;
}
