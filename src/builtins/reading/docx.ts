import { SAXParser } from "parse5-sax-parser";
import { type Entry, fromBufferPromise, type ZipFile } from "yauzl";
import { breathe } from "../language/slices.ts";
import { unreadable } from "./file-format.ts";

/** Of the text's XML: some 2,500 pages. A file of more is a mistake or an attack. */
const SLICE_CHARACTERS = 256 * 1024;
const MAX_XML_BYTES = 32 * 1024 * 1024;
/** The elements of WordprocessingML that stand for white space or a sign. Text that was deleted is in elements of its own. */
const SIGNS: Readonly<Record<string, string>> = { br: "\n", cr: "\n", tab: "\t", nobreakhyphen: "-" };

/**
 * The text of a Word file, a blank line after each paragraph. Throws a TerminalError for one that is broken, too large or
 * empty.
 *
 * Unpacked and read as a stream of tags, in linear time and little memory whatever the file holds: 16 MB of small
 * elements, which zip to 60 KB, took a library that builds a tree of them a minute and 3 GB. The size that an archive
 * states may be a lie; yauzl unpacks no more than that.
 */
export async function readDocx(name: string, bytes: Uint8Array, signal: AbortSignal): Promise<string> {
  try {
    const archive = await fromBufferPromise(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    const main = await findText(archive);
    if (!main) throw unreadable(name, "found a zip archive without a Word text in it");
    if (main.uncompressedSize > MAX_XML_BYTES)
      throw unreadable(
        name,
        `found a docx of ${Math.round(main.uncompressedSize / 2 ** 20)} MiB unpacked, over the limit of ${MAX_XML_BYTES / 2 ** 20} MiB`,
      );
    const text = await readText(await archive.openReadStreamPromise(main), signal);
    if (text.trim() === "") throw unreadable(name, "found a docx without any text");
    return text;
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof Error) || error.name === "TerminalError") throw error;
    throw unreadable(name, `found a broken docx (${error.message})`, { cause: error });
  }
}

async function findText(archive: ZipFile): Promise<Entry | undefined> {
  for await (const entry of archive.eachEntry()) if (/^word\/document\d*\.xml$/.test(entry.fileName)) return entry;
  return undefined;
}

/** What stands in text elements. What an element `Fallback` holds is a repetition, for programs of other abilities. */
async function readText(xml: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<string> {
  const parts: string[] = [];
  let inText = false;
  let repeated = 0;
  const parser = new SAXParser();
  parser.on("startTag", ({ tagName, selfClosing }) => {
    const element = localName(tagName);
    if (element === "fallback" && !selfClosing) repeated++;
    else if (element === "t") inText = !selfClosing;
    else if (repeated === 0) parts.push(SIGNS[element] ?? "");
  });
  parser.on("endTag", ({ tagName }) => {
    const element = localName(tagName);
    if (element === "fallback") repeated = Math.max(0, repeated - 1);
    else if (element === "t") inText = false;
    else if (element === "p" && repeated === 0) parts.push("\n\n");
  });
  parser.on("text", ({ text }) => {
    if (inText && repeated === 0) parts.push(text);
  });
  const decoder = new TextDecoder();
  let unread = "";
  for await (const chunk of xml) {
    unread += decoder.decode(chunk, { stream: true });
    if (unread.length < SLICE_CHARACTERS) continue;
    await breathe(signal);
    parser.write(unread);
    unread = "";
  }
  parser.end(unread);
  return parts.join("");
}

/** `w:p` → `p`: the prefix is the writing program's choice. */
const localName = (tag: string): string => tag.slice(tag.indexOf(":") + 1);
