/** A label and what it says, for people. */
export type Fact = readonly [label: string, text: string];

const LABEL_WIDTH = 9;
/** What stands before the further lines of a text. */
export const FACT_INDENT = " ".repeat(LABEL_WIDTH + 2);

/** Facts as lines, the labels in a column of their own. Further lines of a text stand under its first. */
export function renderFacts(facts: readonly Fact[], dim: (label: string) => string): string[] {
  return facts.flatMap(([label, text]) =>
    text.split("\n").map((line, i) => `${i === 0 ? dim(label.padEnd(LABEL_WIDTH)) : " ".repeat(LABEL_WIDTH)}  ${line}`),
  );
}
