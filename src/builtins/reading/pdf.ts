import { unreadable } from "./file-format.ts";
import { readInThread } from "./pdf-reader.ts";

/**
 * The memory limit for one file. A file that needs more is a mistake or an attack: 2 kB of PDF can unpack to gigabytes.
 */
const MAX_MEMORY_BYTES = 768 * 1024 * 1024;

/** The content of a PDF: its text, or the number of its pages if they contain none and are probably scanned. */
export type PdfContent = { readonly text: string } | { readonly pictures: number };

/**
 * Reads the text of a PDF, or its number of pages if they contain only pictures. Throws a TerminalError for a file that
 * is broken, protected by a password or too large to unpack.
 */
export async function readPdf(
  name: string,
  bytes: Uint8Array,
  signal: AbortSignal,
  maxBytes = MAX_MEMORY_BYTES,
): Promise<PdfContent> {
  const answer = await readInThread(bytes, signal, maxBytes);
  if (answer === "too-large")
    throw unreadable(
      name,
      `found a pdf that takes more than ${Math.round(maxBytes / 2 ** 20)} MiB of memory to unpack`,
      "split it",
    );
  if ("error" in answer)
    throw answer.error.name === "PasswordException"
      ? unreadable(name, "found a pdf that is protected by a password", "save it without one")
      : unreadable(name, `found a broken pdf (${answer.error.message})`, "expected a complete pdf: save it again");
  return answer.text.trim() === "" ? { pictures: answer.pages } : { text: answer.text };
}
