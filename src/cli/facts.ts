/** A labelled text for the user. */
export type Fact = readonly [label: string, text: string];

const LABEL_WIDTH = 9;
/** The indent of a text's further lines. */
export const FACT_INDENT = " ".repeat(LABEL_WIDTH + 2);

/**
 * Renders facts as lines with the labels in a column of their own. Further lines of a text are aligned with its first.
 */
export function renderFacts(facts: readonly Fact[], dim: (label: string) => string): string[] {
  return facts.flatMap(([label, text]) =>
    text.split("\n").map((line, i) => `${i === 0 ? dim(label.padEnd(LABEL_WIDTH)) : " ".repeat(LABEL_WIDTH)}  ${line}`),
  );
}
