import { fileTypeFromBuffer } from "file-type";
import { TerminalError } from "../../core/error.ts";
import { looksLikeText } from "./text-encoding.ts";

export const FORMATS = ["txt", "md", "html", "pdf", "docx"] as const;
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
};

/** What people call the formats that they are likeliest to send by mistake. */
const WELL_KNOWN: Readonly<Record<string, string>> = {
  cfb: "an old Word file (.doc) or one protected by a password",
  doc: "an old Word file (.doc)",
  rtf: "rich text (rtf)",
  odt: "an OpenDocument text (odt)",
  epub: "an e-book (epub)",
};

/** A failure that no second attempt will mend: names the file, what was found, and what can be read. */
export const unreadable = (name: string, found: string, options?: ErrorOptions): TerminalError =>
  new TerminalError(`${name}: ${found}; expected one of ${SUPPORTED}`, options);

/** The part of a file name after its last full stop, in lower case; empty when there is none. */
export const extensionOf = (name: string): string => /\.([^./\\]+)$/.exec(name)?.[1]?.toLowerCase() ?? "";

/**
 * The format of a file, by its name where the content can be that, else by its first bytes. Throws a
 * {@link TerminalError} for anything that cannot be read.
 */
export async function formatOf(name: string, bytes: Uint8Array): Promise<Format> {
  if (bytes.length === 0) throw unreadable(name, "the file is empty (0 bytes)");
  const extension = extensionOf(name);
  const isText = looksLikeText(bytes);
  // First, since plain text may begin like anything: "BM" makes a bitmap of a text about cars.
  const named = TEXT_EXTENSIONS[extension];
  if (named && isText) return named;
  if (startsWithPdfMark(bytes)) return "pdf";
  const magic = await fileTypeFromBuffer(bytes).catch(() => undefined);
  if (magic?.ext === "docx" || magic?.ext === "pdf") return magic.ext;
  if (magic?.ext === "zip" && extension === "docx") return "docx";
  if (magic && !(isText && /^text\/|xml/.test(magic.mime)))
    throw unreadable(name, `found ${WELL_KNOWN[magic.ext] ?? `${magic.ext} (${magic.mime})`}`);
  if (extension === "pdf" || extension === "docx")
    throw unreadable(name, `found no ${extension} in it, in spite of its name`);
  if (!isText) throw unreadable(name, "found binary data of no known format");
  return looksLikeHtml(bytes) ? "html" : "txt";
}

/** Readers accept some bytes of anything before the mark. */
const startsWithPdfMark = (bytes: Uint8Array) =>
  new TextDecoder("latin1").decode(bytes.subarray(0, 1024)).includes("%PDF-");

const looksLikeHtml = (bytes: Uint8Array) =>
  /^\s*(?:<\?xml[^>]*>\s*)?(?:<!--[\s\S]*?-->\s*)*<(?:!doctype html|html|head|body)\b/i.test(
    new TextDecoder().decode(bytes.subarray(0, 2048)),
  );
