import { SAXParser } from "parse5-sax-parser";

/** How far the head of a page is searched. The standard asks for 1,024 bytes; styles and scripts may stand before the tag. */
const HEAD_BYTES = 256 * 1024;
/** The standard's two rewrites: a page whose tags can be read as ASCII is not UTF-16, and x-user-defined is a mistake. */
const REWRITES: Readonly<Record<string, string>> = {
  "utf-16": "utf-8",
  "utf-16le": "utf-8",
  "utf-16be": "utf-8",
  "x-user-defined": "windows-1252",
};

/**
 * The encoding that an HTML page declares: in a `meta` tag of its head, by the rules of the HTML standard ("prescan a byte
 * stream to determine its encoding"), or in an XML declaration. Undefined for none, or for one that is not known.
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

/** `text/html; charset=koi8-r` → `koi8-r`. */
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
