import { TerminalError } from "../../core/error.ts";
import { looksLikeText } from "./text-encoding.ts";

export const FORMATS = ["txt", "md", "html", "pdf", "docx", "csv", "json"] as const;
export type Format = (typeof FORMATS)[number];

const SUPPORTED = FORMATS.join(", ");

const TEXT_EXTENSIONS: Readonly<Record<string, Format>> = {
  txt: "txt",
  text: "txt",
  md: "md",
  markdown: "md",
  mdown: "md",
  html: "html",
  htm: "html",
  xhtml: "html",
  csv: "csv",
  tsv: "csv",
  json: "json",
};

/** Unsupported formats that users are likely to send, by extension: the common name, and how to convert the file. */
const CONVERSIONS: Readonly<Record<string, readonly [name: string, advice: string]>> = {
  cfb: [
    "an old Office file (.doc, .xls, .ppt) or one protected by a password",
    "save it as docx or pdf, without a password",
  ],
  doc: ["an old Word file (.doc)", "save it as docx"],
  rtf: ["rich text (rtf)", "save it as docx"],
  odt: ["an OpenDocument text (odt)", "save it as docx or pdf"],
  ods: ["an OpenDocument table (ods)", "save it as csv"],
  odp: ["an OpenDocument presentation (odp)", "save it as pdf"],
  xlsx: ["an Excel workbook (xlsx)", "save each sheet as csv"],
  pptx: ["a PowerPoint presentation (pptx)", "save it as pdf"],
  epub: ["an e-book (epub)", "convert it to html, or unpack it: it is a zip archive of html files"],
  eps: ["PostScript", "convert it to pdf"],
  ps: ["PostScript", "convert it to pdf"],
  zip: ["a zip archive", "unpack it and send the files that it holds"],
  gz: ["a compressed file (gzip)", "unpack it"],
  xml: ["XML of an unknown vocabulary", "convert it to html or txt"],
};
const PICTURES = /^image\//;
const RECORDINGS = /^(?:audio|video)\//;

/** A failure that another attempt cannot fix. It names the file, what was found in it, and what to do. */
export const unreadable = (name: string, found: string, advice: string, options?: ErrorOptions): TerminalError =>
  new TerminalError(`${name}: ${found}; ${advice}`, options);

const EXPECTED = `expected one of ${SUPPORTED}`;

/** The failure for a file in an unsupported format. */
function unsupported(name: string, extension: string, mime?: string): TerminalError {
  const [known, advice] = CONVERSIONS[extension] ?? [];
  const found = known ?? (mime ? `${extension} (${mime})` : extension);
  const convert =
    advice ??
    (PICTURES.test(mime ?? "")
      ? "have its text recognized (OCR) and send that"
      : RECORDINGS.test(mime ?? "")
        ? "have it transcribed and send the text"
        : "convert it");
  return unreadable(name, `found ${found}`, `${EXPECTED}: ${convert}`);
}

/** The extension of a file name in lower case, without the dot; empty if there is none. */
export const extensionOf = (name: string): string => /\.([^./\\]+)$/.exec(name)?.[1]?.toLowerCase() ?? "";

/**
 * The format of a file, by its name if the content fits, else by its first bytes. Throws a {@link TerminalError} for a
 * file that cannot be read.
 */
export async function formatOf(name: string, bytes: Uint8Array): Promise<Format> {
  if (bytes.length === 0) throw unreadable(name, "the file is empty (0 bytes)", "expected some text");
  const extension = extensionOf(name);
  const isText = looksLikeText(bytes);
  // The name comes first, since plain text may begin like any format: "BM" would turn a text about cars into a bitmap.
  const named = TEXT_EXTENSIONS[extension];
  if (named && isText) return named;
  if (startsWithPdfMark(bytes)) return "pdf";
  // Loaded only for a file without a text extension, since its tables take 10 MB.
  const { fileTypeFromBuffer } = await import("file-type");
  const magic = await fileTypeFromBuffer(bytes).catch(() => undefined);
  if (magic?.ext === "docx" || magic?.ext === "pdf") return magic.ext;
  if (magic?.ext === "zip" && extension === "docx") return "docx";
  if (magic && !(isText && /^text\/|xml/.test(magic.mime))) throw unsupported(name, magic.ext, magic.mime);
  if (extension === "pdf" || extension === "docx")
    throw unreadable(name, `found no ${extension} in it, despite its name`, EXPECTED);
  if (!isText) throw unreadable(name, "found binary data of no known format", EXPECTED);
  return looksLikeHtml(bytes) ? "html" : "txt";
}

/** Whether the PDF mark stands near the beginning. PDF readers accept other bytes before it. */
const startsWithPdfMark = (bytes: Uint8Array) =>
  new TextDecoder("latin1").decode(bytes.subarray(0, 1024)).includes("%PDF-");

const looksLikeHtml = (bytes: Uint8Array) =>
  /^\s*(?:<\?xml[^>]*>\s*)?(?:<!--[\s\S]*?-->\s*)*<(?:!doctype html|html|head|body)\b/i.test(
    new TextDecoder().decode(bytes.subarray(0, 2048)),
  );
