import sax from "sax";
import { breathe } from "../language/slices.ts";

/**
 * The start of an element: its name and attributes. Names have the prefixes that `readXml` was given, not those of the
 * file.
 */
export interface XmlElement {
  readonly name: string;
  attribute(name: string): string | undefined;
}

export interface XmlHandler {
  open(element: XmlElement): void;
  close?(name: string): void;
  text?(text: string): void;
}

/** The limit of nesting, since each open element takes memory. Deeper nesting is a mistake or an attack. */
const MAX_DEPTH = 1_000;
/** The number of markup errors that are ignored. Each takes the parser time that grows with the depth. */
const MAX_MISTAKES = 100;
/** The characters that are parsed between two turns of the event loop. */
const SLICE_CHARACTERS = 256 * 1024;

/**
 * Reads XML as a stream, in the encoding that it declares. `prefixes` maps each namespace to the prefix of the names
 * that the handler gets; elements of other namespaces are named `?:name`. Entities of a document type are not expanded.
 * A few markup errors are ignored; rejects for many, and for elements that are nested too deeply.
 */
export async function readXml(
  xml: AsyncIterable<Uint8Array>,
  prefixes: Readonly<Record<string, string>>,
  handler: XmlHandler,
  signal: AbortSignal,
): Promise<void> {
  const parser = sax.parser(true, { xmlns: true });
  const nameOf = ({ prefix, local, uri }: Pick<sax.QualifiedAttribute, "prefix" | "local" | "uri">) =>
    // An unbound prefix is understood in its usual meaning.
    uri === ""
      ? prefix
        ? `${prefix}:${local}`
        : local
      : `${prefixes[uri] ?? (uri === prefix ? prefix : "?")}:${local}`;
  let depth = 0;
  let mistakes = 0;
  parser.onerror = (error) => {
    if (!error.message.startsWith("Unbound namespace prefix") && ++mistakes > MAX_MISTAKES) throw error;
    parser.resume();
  };
  parser.onopentag = (tag) => {
    if (++depth > MAX_DEPTH) throw new Error(`elements nested more than ${MAX_DEPTH} deep`);
    const { attributes } = tag as sax.QualifiedTag;
    handler.open({
      name: nameOf(tag as sax.QualifiedTag),
      attribute: (name) => Object.values(attributes).find((one) => nameOf(one) === name)?.value,
    });
  };
  parser.onclosetag = () => {
    depth--;
    handler.close?.(nameOf(parser.tag as unknown as sax.QualifiedTag));
  };
  parser.ontext = (text) => handler.text?.(text);
  parser.oncdata = (text) => handler.text?.(text);
  for await (const slice of charactersOf(xml)) {
    await breathe(signal);
    parser.write(slice);
  }
  parser.close();
}

/** Decodes the XML in slices: by the byte order mark, else by the XML declaration, else as UTF-8. */
async function* charactersOf(xml: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let decoder: InstanceType<typeof TextDecoder> | undefined;
  let unread = "";
  for await (const chunk of xml) {
    decoder ??= new TextDecoder(encodingOf(chunk));
    unread += decoder.decode(chunk, { stream: true });
    if (unread.length < SLICE_CHARACTERS) continue;
    yield unread;
    unread = "";
  }
  yield unread + (decoder?.decode() ?? "");
}

function encodingOf(start: Uint8Array): string {
  const [a, b] = start;
  if ((a === 0xff && b === 0xfe) || (a === 0x3c && b === 0)) return "utf-16le";
  if ((a === 0xfe && b === 0xff) || (a === 0 && b === 0x3c)) return "utf-16be";
  const declaration = new TextDecoder("latin1").decode(start.subarray(0, 256));
  const declared = /^(?:\xef\xbb\xbf)?<\?xml[^>]*?encoding\s*=\s*["']([\w.:-]+)["']/.exec(declaration)?.[1];
  try {
    return new TextDecoder(declared ?? "utf-8").encoding;
  } catch {
    return "utf-8";
  }
}
