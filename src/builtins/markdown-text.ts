const COUNT = new Intl.NumberFormat("en");

/** Text of a document as Markdown that shows just that text, on one line: its own marks, tags and line starts mean nothing. */
export const asMarkdown = (text: string): string =>
  text
    .replace(/\s+/g, " ")
    .trim()
    .replace(/[\\`*_<[\]|~]/g, "\\$&")
    .replace(/^(?=[#>+=-])/, "\\")
    .replace(/^(\d{1,9})([.)])/, "$1\\$2");

/** `1,234 words`, `1 word`. */
export const countOf = (count: number, one: string): string => `${COUNT.format(count)} ${one}${count === 1 ? "" : "s"}`;

/** `+0.42`, `−0.10`, `0.00`. */
export const signed = (score: number): string =>
  `${score > 0 ? "+" : score < 0 ? "−" : ""}${Math.abs(score).toFixed(2)}`;
