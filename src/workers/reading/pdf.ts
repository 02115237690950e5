import { getDocumentProxy } from "unpdf";
import { unreadable } from "./file-format.ts";

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
 * The text of a PDF, pages in order, paragraphs told apart by the space between lines. Throws a TerminalError for a file
 * that is broken, protected by a password, or holds only pictures.
 */
export async function readPdf(name: string, bytes: Uint8Array, signal: AbortSignal): Promise<string> {
  // pdf.js takes the buffer over and wants no Buffer, hence a copy.
  const pdf = await getDocumentProxy(new Uint8Array(bytes), {
    verbosity: ERRORS_ONLY,
    stopAtErrors: false,
    isEvalSupported: false,
  }).catch((error) => {
    throw describeFailure(name, error);
  });
  try {
    const pages: string[] = [];
    for (let number = 1; number <= pdf.numPages; number++) {
      signal.throwIfAborted();
      const page = await pdf.getPage(number);
      const { items } = await page.getTextContent();
      pages.push(textOf(items.filter((item) => "str" in item)));
      page.cleanup();
    }
    const text = joinPages(pages);
    if (text.trim() === "")
      throw unreadable(name, `found a pdf of ${pdf.numPages} page(s) without any text, perhaps scanned pictures`);
    return text;
  } catch (error) {
    signal.throwIfAborted();
    throw describeFailure(name, error);
  } finally {
    await pdf.destroy().catch(() => undefined);
  }
}

function describeFailure(name: string, error: unknown): Error {
  if (!(error instanceof Error) || error.name === "TerminalError") return error as Error;
  const found =
    error.name === "PasswordException"
      ? "found a pdf that is protected by a password"
      : `found a broken pdf (${error.message})`;
  return unreadable(name, found, { cause: error });
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
