/** Elements whose content the tokenizer reads as raw text up to their end tag. An unclosed one swallows the page. */
const RAW = "title|textarea|iframe|noembed|noframes|xmp";

/** Self-closed raw elements, such as `<title/>`: empty in XHTML, but a start tag for an HTML tokenizer. */
const SELF_CLOSED = new RegExp(`<(${RAW}|script|style)(\\s[^<>]*)?/>`, "gi");

/**
 * Repairs markup that would hide prose from the tokenizer. Self-closed raw elements get an end tag, start tags of raw
 * elements and comments that are never closed are removed, and `noscript`, which a parser with scripting reads as raw
 * text, becomes an ordinary element.
 */
export function repairMarkup(html: string): string {
  let repaired = html
    .replace(SELF_CLOSED, "<$1></$1>")
    .replace(/<(\/?)noscript(?=[\s>])/gi, "<$1aside-noscript")
    .replace(/<\/?(?:xmp|noframes)(?=[\s>])/gi, (tag) => (tag.startsWith("</") ? "</pre" : "<pre"));
  for (const name of RAW.split("|"))
    repaired = withoutUnclosed(repaired, new RegExp(`<${name}(?=[\\s>])[^<>]*>?`, "gi"), `</${name}`);
  return withoutUnclosed(repaired, /<!--(?!-?>)/g, "-->");
}

/** Removes the marks that match `opening` after the last `closing` mark. */
function withoutUnclosed(html: string, opening: RegExp, closing: string): string {
  const last = lastIndexOf(html, closing);
  const tail = html.slice(last);
  return tail.search(opening) < 0 ? html : html.slice(0, last) + tail.replace(opening, "");
}

/** The last index of a mark, ignoring case; 0 if there is none. */
function lastIndexOf(html: string, mark: string): number {
  let last = 0;
  for (const { index } of html.matchAll(new RegExp(mark, "gi"))) last = index;
  return last;
}
