import { SAXParser } from "parse5-sax-parser";

/**
 * The part of a page that is searched. The standard requires 1,024 bytes, but styles and scripts may precede the tag.
 */
const HEAD_BYTES = 256 * 1024;
/** The standard's rewrites: a page whose tags can be read as ASCII is not UTF-16, and `x-user-defined` is a mistake. */
const REWRITES: Readonly<Record<string, string>> = {
  "utf-16": "utf-8",
  "utf-16le": "utf-8",
  "utf-16be": "utf-8",
  "x-user-defined": "windows-1252",
};

/**
 * The encoding that an HTML page declares in an XML declaration, or in a `meta` tag of its head by the rules of the
 * HTML standard ("prescan a byte stream to determine its encoding"). Undefined if there is none, or an unknown one.
 */
export function declaredEncoding(bytes: Uint8Array): string | undefined {
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, HEAD_BYTES));
  let found = knownEncoding(/^\s*<\?xml\s[^>]*?encoding\s*=\s*["']([^"'>]+)["']/.exec(start)?.[1]);
  if (found) return found;
  const parser = new SAXParser();
  parser.on("startTag", ({ tagName, attrs }) => {
    if (tagName === "body") parser.stop();
    if (tagName !== "meta" || found) return;
    const attribute = (name: string) => attrs.find((one) => one.name === name)?.value;
    const content =
      attribute("http-equiv")?.toLowerCase() === "content-type" ? charsetOf(attribute("content") ?? "") : undefined;
    found = knownEncoding(attribute("charset")) ?? knownEncoding(content);
    if (found) parser.stop();
  });
  parser.write(start);
  parser.stop();
  return found;
}

/** Reads the charset from a content type: `text/html; charset=koi8-r` → `koi8-r`. */
const charsetOf = (content: string): string | undefined => {
  const [, , quoted, bare] = /charset\s*=\s*(?:(["'])(.*?)\1|([^\s;"']+))/i.exec(content) ?? [];
  return quoted ?? bare;
};

function knownEncoding(label: string | undefined): string | undefined {
  if (!label) return undefined;
  const name = label.trim().toLowerCase();
  if (Object.hasOwn(REWRITES, name)) return REWRITES[name];
  try {
    const { encoding } = new TextDecoder(name);
    return REWRITES[encoding] ?? encoding;
  } catch {
    return undefined;
  }
}
