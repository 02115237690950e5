/** Elements whose content the tokenizer takes as it is, to their end tag: what is not closed swallows the page. */
const RAW = "title|textarea|iframe|noembed|noframes|xmp";

/** `<title/>`, as XHTML may write it: empty there, but an HTML tokenizer sees a start tag. */
const SELF_CLOSED = new RegExp(`<(${RAW}|script|style)(\\s[^<>]*)?/>`, "gi");

/**
 * A page whose markup takes no prose away: elements that are closed within their own tag have an end tag, those whose
 * content is raw and that are never closed are left out with their comment marks, and `noscript`, which a parser for a
 * browser with scripts reads as raw text, is an element like any other.
 */
export function mendMarkup(html: string): string {
  let mended = html
    .replace(SELF_CLOSED, "<$1></$1>")
    .replace(/<(\/?)noscript(?=[\s>])/gi, "<$1aside-noscript")
    .replace(/<\/?(?:xmp|noframes)(?=[\s>])/gi, (tag) => (tag.startsWith("</") ? "</pre" : "<pre"));
  for (const name of RAW.split("|"))
    mended = withoutUnclosed(mended, new RegExp(`<${name}(?=[\\s>])[^<>]*>?`, "gi"), `</${name}`);
  return withoutUnclosed(mended, /<!--(?!-?>)/g, "-->");
}

/** Without the marks that match `opening` after the last `closing` one. */
function withoutUnclosed(html: string, opening: RegExp, closing: string): string {
  const last = lastIndexOf(html, closing);
  const tail = html.slice(last);
  return tail.search(opening) < 0 ? html : html.slice(0, last) + tail.replace(opening, "");
}

/** Case does not matter; 0 when there is none. */
function lastIndexOf(html: string, mark: string): number {
  let last = 0;
  for (const { index } of html.matchAll(new RegExp(mark, "gi"))) last = index;
  return last;
}
