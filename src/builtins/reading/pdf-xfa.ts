/** A node of an XFA form in pdf.js's layout of HTML elements. */
export interface XfaNode {
  readonly name?: string;
  readonly value?: unknown;
  readonly attributes?: Readonly<Record<string, unknown>>;
  readonly children?: readonly (XfaNode | null)[];
}

/** The text of a page of an XFA form with the contents of its fields, one piece per line. */
export function xfaText(page: unknown): string {
  const lines: string[] = [];
  const open: (XfaNode | null | undefined)[] = [page as XfaNode | null];
  while (open.length > 0) {
    const node = open.pop();
    if (!node) continue;
    const { name = "", attributes = {}, children = [] } = node;
    const isChoice = name === "input" && attributes.type !== "text" && attributes.type !== undefined;
    // Only the chosen options of a list are text of the document.
    const isUnchosen = name === "option" && !attributes.selected;
    const text = [node.value, attributes.textContent, attributes.value].find((one) => typeof one === "string") as
      | string
      | undefined;
    if (text?.trim() && !isChoice && !isUnchosen) lines.push(text.trim());
    // A stack instead of recursion, since forms may be nested more deeply than calls.
    for (let i = children.length - 1; i >= 0; i--) if (!isUnchosen) open.push(children[i]);
  }
  return lines.join("\n");
}
