import { unreadable } from "./file-format.ts";
import { readInThread } from "./pdf-reader.ts";

/** A file that needs more is a mistake or an attack: 2 kB of PDF can unpack to gigabytes. */
const MAX_MEMORY_BYTES = 768 * 1024 * 1024;

/**
 * The text of a PDF, paragraphs told apart. Throws a TerminalError for a file that is broken, protected by a password, too
 * large to unpack, or holds only pictures.
 */
export async function readPdf(
  name: string,
  bytes: Uint8Array,
  signal: AbortSignal,
  maxBytes = MAX_MEMORY_BYTES,
): Promise<string> {
  const answer = await readInThread(bytes, signal, maxBytes);
  if (answer === "too-large")
    throw unreadable(
      name,
      `found a pdf that takes more than ${Math.round(maxBytes / 2 ** 20)} MiB of memory to unpack`,
    );
  if ("error" in answer)
    throw unreadable(
      name,
      answer.error.name === "PasswordException"
        ? "found a pdf that is protected by a password"
        : `found a broken pdf (${answer.error.message})`,
    );
  if (answer.text.trim() === "")
    throw unreadable(name, `found a pdf of ${answer.pages} page(s) without any text, perhaps scanned pictures`);
  return answer.text;
}
