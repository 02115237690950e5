import { posix } from "node:path";
import { type Entry, fromBufferPromise, type ZipFile } from "yauzl";
import { readXml, type XmlHandler } from "./xml.ts";

/** The limit for all parts that are read together: about 2,500 pages. A larger file is a mistake or an attack. */
const MAX_XML_BYTES = 32 * 1024 * 1024;

/** The namespaces of Office Open XML, in the transitional and the strict form, and their usual prefixes. */
const PREFIXES: Readonly<Record<string, string>> = {
  "http://schemas.openxmlformats.org/wordprocessingml/2006/main": "w",
  "http://purl.oclc.org/ooxml/wordprocessingml/main": "w",
  "http://schemas.openxmlformats.org/officeDocument/2006/math": "m",
  "http://purl.oclc.org/ooxml/officeDocument/math": "m",
  "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing": "wp",
  "http://purl.oclc.org/ooxml/drawingml/wordprocessingDrawing": "wp",
  "http://schemas.openxmlformats.org/markup-compatibility/2006": "mc",
  "http://schemas.openxmlformats.org/package/2006/relationships": "rel",
};

/** Thrown when the unpacked parts of an archive exceed the limit. */
export class TooLargeError extends Error {
  override readonly name = "TooLargeError";
}

/**
 * The parts of a Word file. They are found by their relationships, because the writing program chooses their names.
 * They are unpacked as streams; if the archive states a size that is too small, yauzl unpacks no more than that.
 */
export class DocxArchive {
  readonly #archive: ZipFile;
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #signal: AbortSignal;
  #unread = MAX_XML_BYTES;

  private constructor(archive: ZipFile, entries: ReadonlyMap<string, Entry>, signal: AbortSignal) {
    this.#archive = archive;
    this.#entries = entries;
    this.#signal = signal;
  }

  static async open(bytes: Uint8Array, signal: AbortSignal): Promise<DocxArchive> {
    const archive = await fromBufferPromise(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    const entries = new Map<string, Entry>();
    for await (const entry of archive.eachEntry()) entries.set(entry.fileName, entry);
    return new DocxArchive(archive, entries, signal);
  }

  /** The name of the part that contains the text. */
  async mainPart(): Promise<string | undefined> {
    const related = await this.relatedParts("");
    const named = [...this.#entries.keys()].find((name) => /^word\/document\d*\.xml$/.test(name));
    return related.get("officeDocument") ?? named;
  }

  /**
   * The parts that a part (`""` for the archive itself) refers to, by the kind of relationship: `footnotes`, `styles`,
   * …
   */
  async relatedParts(part: string): Promise<ReadonlyMap<string, string>> {
    const folder = posix.dirname(part);
    const related = new Map<string, string>();
    await this.read(posix.join(folder, "_rels", `${posix.basename(part)}.rels`), {
      open: (element) => {
        if (element.name !== "rel:Relationship" || element.attribute("TargetMode") === "External") return;
        const kind = posix.basename(element.attribute("Type") ?? "");
        const target = posix.join("/", folder, element.attribute("Target") ?? "");
        const absolute = element.attribute("Target")?.startsWith("/") ? element.attribute("Target")! : target;
        if (this.#entries.has(absolute.slice(1)) && !related.has(kind)) related.set(kind, absolute.slice(1));
      },
    });
    return related;
  }

  /**
   * Reads the part of that name, if it exists. Throws a {@link TooLargeError} when all parts together exceed the limit.
   */
  async read(part: string | undefined, handler: XmlHandler): Promise<void> {
    const entry = part === undefined ? undefined : this.#entries.get(part);
    if (!entry) return;
    this.#unread -= entry.uncompressedSize;
    if (this.#unread < 0)
      throw new TooLargeError(
        `${Math.round((MAX_XML_BYTES - this.#unread) / 2 ** 20)} MiB unpacked, over the limit of ${MAX_XML_BYTES / 2 ** 20} MiB`,
      );
    await readXml(await this.#archive.openReadStreamPromise(entry), PREFIXES, handler, this.#signal);
  }
}
