import { type Format, formatOf, unreadable } from "./file-format.ts";
import { decodeText } from "./text-encoding.ts";

/** The size above which a file is refused, since reading it would take minutes. */
export const MAX_FILE_BYTES = 64 * 1024 * 1024;

/** The content of a file: its text, or its number of pages if they contain only pictures. */
export type FileContent =
  | { readonly format: Format; readonly text: string }
  | { readonly format: "pdf"; readonly pictures: number };

/**
 * Reads the content of a document file. The reader of a format is loaded when it is first needed. Throws a
 * TerminalError that names the file if its format is unknown, or if it is broken, protected, too large or empty.
 */
export async function readFile(name: string, bytes: Uint8Array, signal: AbortSignal): Promise<FileContent> {
  if (bytes.length > MAX_FILE_BYTES)
    throw unreadable(
      name,
      `the file has ${Math.ceil(bytes.length / 2 ** 20)} MiB, over the limit of ${MAX_FILE_BYTES / 2 ** 20} MiB`,
      "split it",
    );
  const format = await formatOf(name, bytes);
  if (format === "pdf") {
    const { readPdf } = await import("./pdf.ts");
    const content = await readPdf(name, bytes, signal);
    return "text" in content ? { format, text: cleanText(content.text) } : { format, ...content };
  }
  const text = cleanText(await readers[format](name, bytes, signal));
  if (text === "") throw unreadable(name, `found a ${format} file without any text`, "expected some text");
  return { text, format };
}

type Reader = (name: string, bytes: Uint8Array, signal: AbortSignal) => Promise<string>;

const readers: { readonly [F in Exclude<Format, "pdf">]: Reader } = {
  txt: async (_, bytes) => decodeText(bytes),
  md: async (name, bytes, signal) => {
    const { readMarkdown } = await import("./markdown.ts");
    return readMarkdown(decodeText(bytes), signal).catch((error) => {
      signal.throwIfAborted();
      throw unreadable(
        name,
        `found Markdown that cannot be read (${error.message.split("\n")[0]})`,
        "expected less nesting",
        {
          cause: error,
        },
      );
    });
  },
  html: async (_, bytes, signal) => {
    const [{ readHtml }, { declaredEncoding }] = await Promise.all([import("./html.ts"), import("./html-encoding.ts")]);
    return readHtml(decodeText(bytes, declaredEncoding(bytes)), signal);
  },
  docx: async (name, bytes, signal) => {
    const { readDocx } = await import("./docx.ts");
    return readDocx(name, bytes, signal);
  },
  csv: async (name, bytes) => {
    const { readTable } = await import("./csv.ts");
    return readTable(decodeText(bytes), name.toLowerCase().endsWith(".tsv") ? "\t" : undefined);
  },
  json: async (_, bytes, signal) => {
    const { readJson } = await import("./json.ts");
    return readJson(decodeText(bytes), signal);
  },
};

/**
 * Cleans a text: well-formed Unicode with `\n` line ends, at most one blank line in a row, no control characters and no
 * trailing blanks. Words with soft hyphens are joined, also across the end of a line.
 */
export function cleanText(text: string): string {
  const lines = text
    .toWellFormed()
    .replace(/\r\n?|[\u0085\u2028\f\v]/g, "\n")
    .replaceAll("\u2029", "\n\n")
    .replace(/[^\P{Cc}\n\t]|[\u200b\ufeff]/gu, "")
    .replace(/\u00ad[^\S\n]*(?:\n[^\S\n]*)?/g, "")
    .split("\n");
  // Line by line, since a pattern for blanks before a line end takes quadratic time on a megabyte of blanks.
  return lines
    .map((line) => line.trimEnd())
    .join("\n")
    .replace(/\n{3,}/g, "\n\n")
    .trim();
}
