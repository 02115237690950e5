const COUNT = new Intl.NumberFormat("en");

/** Escapes a document's text as Markdown on one line, so that marks, tags and line starts in it have no effect. */
export const asMarkdown = (text: string): string =>
  text
    .replace(/\s+/g, " ")
    .trim()
    .replace(/[\\`*_<[\]|~]/g, "\\$&")
    .replace(/^(?=[#>+=-])/, "\\")
    .replace(/^(\d{1,9})([.)])/, "$1\\$2");

/** Writes a count as `1,234 words` or `1 word`. */
export const countOf = (count: number, one: string): string => `${COUNT.format(count)} ${one}${count === 1 ? "" : "s"}`;

/** Writes a score as `+0.42`, `−0.10` or `0.00`. */
export const signed = (score: number): string =>
  `${score > 0 ? "+" : score < 0 ? "−" : ""}${Math.abs(score).toFixed(2)}`;
