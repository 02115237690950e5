import { unzipSync } from "fflate";
import { unreadable } from "./file-format.ts";

/** Unpacked XML of one document: about 20,000 pages. A file that claims more is a mistake or an attack. */
const MAX_UNPACKED_BYTES = 256 * 1024 * 1024;

/** The text of a Word file, a blank line after each paragraph. Throws a TerminalError for one that is broken, too large or empty. */
export async function readDocx(name: string, bytes: Uint8Array): Promise<string> {
  let unpacked = 0;
  let hasText = false;
  try {
    // Reads the directory only: the filter refuses every entry.
    unzipSync(bytes, {
      filter: (entry) => {
        unpacked += entry.originalSize;
        hasText ||= /^word\/document\d*\.xml$/.test(entry.name);
        return false;
      },
    });
  } catch (error) {
    throw unreadable(name, `found a broken docx (${(error as Error).message})`, { cause: error });
  }
  if (!hasText) throw unreadable(name, "found a zip archive without a Word text in it");
  if (unpacked > MAX_UNPACKED_BYTES)
    throw unreadable(
      name,
      `found a docx of ${Math.round(unpacked / 2 ** 20)} MiB unpacked, over the limit of ${MAX_UNPACKED_BYTES / 2 ** 20} MiB`,
    );
  const { default: mammoth } = await import("mammoth");
  let text: string;
  try {
    text = (await mammoth.extractRawText({ buffer: Buffer.from(bytes) })).value;
  } catch (error) {
    throw unreadable(name, `found a broken docx (${(error as Error).message})`, { cause: error });
  }
  if (text.trim() === "") throw unreadable(name, "found a docx without any text");
  return text;
}
